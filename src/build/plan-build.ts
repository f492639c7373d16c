import { forecast, NotFetched, type StepForecast } from '../graph/forecast.js';
import type { BuildInput, BuildTools } from './build.js';
import { openBuild } from './open-build.js';

/** Says what a build would do. Nothing is executed and no layer is fetched; base images are resolved as for a build. */
export async function planBuild(input: BuildInput, tools: BuildTools): Promise<readonly StepForecast[]> {
  const { lowered, shop, solving } = await openBuild(input, { ...tools, fetchBlob: refuse });
  try {
    return await forecast(lowered.vertex, solving);
  } finally {
    await shop.dispose();
  }
}

function refuse(): never {
  throw new NotFetched();
}

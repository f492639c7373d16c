import { forecast, NotFetched, type StepForecast } from '../graph/forecast.js';
import type { BuildInput, BuildTools } from './build.js';
import { openBuild } from './open-build.js';

/** Says what a build would do. Nothing is executed and no layer is fetched; base images are resolved as for a build. */
export async function planBuild(input: BuildInput, tools: BuildTools): Promise<readonly StepForecast[]> {
  const { variants, shop, solving } = await openBuild(input, { ...tools, fetchBlob: refuse });
  try {
    const targets = variants.map(({ lowered }) => lowered.vertex);
    return await forecast(targets, solving);
  } finally {
    await shop.dispose();
  }
}

function refuse(): never {
  throw new NotFetched();
}

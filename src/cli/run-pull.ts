import { pullImage } from '../build/pull-image.js';
import { hostPlatform } from '../oci/platform.js';
import { formatReference } from '../oci/reference.js';
import type { CliContext } from './context.js';
import type { PullRequest } from './image-requests.js';
import { withImageTools } from './image-tools.js';

/** Downloads an image whole; prints the digest of its config. Resolves to the exit code. */
export async function runPull(request: PullRequest, context: CliContext): Promise<number> {
  const progress = { kind: request.quiet ? ('quiet' as const) : request.progress, pushed: false };
  return withImageTools(
    { registry: request.registry, progress },
    context,
    async ({ store, client, job, open }) => {
      const platform = request.platform ?? hostPlatform();
      const image = await pullImage({ store, client: await client(), job }, request.name, platform);
      const { layers } = await open(formatReference(request.name), image);
      await Promise.all(layers.map((layer) => layer.blob('gzip')));
      // Reading a layer compares it with its DiffID; one at a time is in memory.
      for (const layer of layers) await layer.changeset();
      await store.updateIndex();
      context.stdout.write(`${image.config}\n`);
      return 0;
    },
  );
}

import { pushImage } from '../build/push-image.js';
import { formatReference } from '../oci/reference.js';
import type { CliContext } from './context.js';
import { findImage } from './find-image.js';
import type { PushRequest } from './image-requests.js';
import { withImageTools } from './image-tools.js';

/** Pushes an image of the store; prints `name@digest`. Resolves to the exit code. */
export async function runPush(request: PushRequest, context: CliContext): Promise<number> {
  const progress = { kind: request.quiet ? ('quiet' as const) : request.progress, pushed: true };
  return withImageTools(
    { registry: request.registry, progress },
    context,
    async ({ store, client, job, open }) => {
      const { image } = await findImage(store, request.image, undefined);
      const { form, target } = request;
      const opened = await open(request.image, image);
      const pushed = await pushImage(opened, {
        store,
        client: await client(),
        targets: [target],
        form,
        job,
      });
      context.stdout.write(`${formatReference({ ...target, digest: pushed.digest })}\n`);
      return 0;
    },
  );
}

import { pushImages } from '../build/push-image.js';
import { formatReference } from '../oci/reference.js';
import type { CliContext } from './context.js';
import { findTarget } from './find-image.js';
import type { PushRequest } from './image-requests.js';
import { openTarget, withImageTools } from './image-tools.js';

/** Pushes an image of the store, for all its platforms; prints `name@digest`. Resolves to the exit code. */
export async function runPush(request: PushRequest, context: CliContext): Promise<number> {
  const progress = { kind: request.quiet ? ('quiet' as const) : request.progress, pushed: true };
  return withImageTools({ registry: request.registry, progress }, context, async (tools) => {
    const { store, client, job } = tools;
    const { form, target } = request;
    const found = await findTarget(store, request.image);
    const opened = await openTarget(found.target, request.image, tools);
    const pushed = await pushImages(opened.images, {
      store,
      client: await client(),
      targets: [target],
      form: { ...form, annotations: opened.annotations },
      index: opened.index,
      job,
    });
    context.stdout.write(`${formatReference({ ...target, digest: pushed.digest })}\n`);
    return 0;
  });
}

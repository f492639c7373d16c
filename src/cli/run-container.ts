import { realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { ImageResolver, resolvedImage } from '../build/image-resolver.js';
import { runImage, type RunInput, type RunStreams } from '../build/run-image.js';
import type { StepMount } from '../executor/types.js';
import type { ResolvedImage } from '../graph/lower/lowering.js';
import { hostPlatform } from '../oci/platform.js';
import { removeTree } from '../sys/remove-tree.js';
import { toByteString } from '../util/bytes.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import type { CliContext } from './context.js';
import { findImage } from './find-image.js';
import { withImageTools, type ImageTools } from './image-tools.js';
import { volumeMount, type RunRequest, type Volume } from './run-request.js';
import { ownTerminal, passSignals } from './own-terminal.js';

/** Starts an image and passes on streams, signals and the exit code. */
export async function runContainer(request: RunRequest, context: CliContext): Promise<number> {
  const terminal = request.tty ? ownTerminal(context) : undefined;
  const mounts = await Promise.all(request.volumes.map((volume) => mountOf(volume, context)));
  return withImageTools(
    { registry: request.registry, progress: { kind: request.progress, pushed: false } },
    context,
    async (tools) => {
      const image = await wantedImage(request, tools);
      const { layers } = await tools.openResolved(image);
      const scratch = await tools.store.scratchDirectory();
      const input: RunInput = {
        ...request,
        env: [...(terminal === undefined ? [] : ['TERM=xterm']), ...request.env],
        layers,
        config: image.config.config ?? {},
        mounts,
        scratch: toByteString(scratch),
      };
      try {
        return await withStreams(request, { context, terminal }, (streams) =>
          runImage(input, streams, tools.job),
        );
      } finally {
        await removeTree(toByteString(scratch));
      }
    },
  );
}

/** By name or id from the store; a name that is not there is pulled. */
async function wantedImage({ image, platform }: RunRequest, tools: ImageTools): Promise<ResolvedImage> {
  try {
    const found = await findImage(tools.store, image, platform);
    return await resolvedImage(tools.store, found.names[0] ?? image, found.image);
  } catch (error) {
    if (!(error instanceof TsbuildError) || error.code !== 'image') throw error;
    return new ImageResolver({ ...tools, policy: 'missing' }).resolve(image, platform ?? hostPlatform());
  }
}

async function mountOf(volume: Volume, { cwd }: CliContext): Promise<StepMount> {
  const given = resolve(cwd, volume.source);
  try {
    const path = await realpath(given);
    const isDirectory = (await stat(path)).isDirectory();
    return volumeMount(volume, { path: toByteString(path), isDirectory });
  } catch (error) {
    if (errnoCode(error) === undefined || error instanceof TsbuildError) throw error;
    throw new TsbuildError('usage', `--volume: ${JSON.stringify(given)} cannot be shown`, { cause: error });
  }
}

async function withStreams(
  { interactive }: RunRequest,
  {
    context,
    terminal,
  }: { readonly context: CliContext; readonly terminal: ReturnType<typeof ownTerminal> | undefined },
  run: (streams: RunStreams) => Promise<number>,
): Promise<number> {
  const { stdout, stderr } = context;
  const source: Readable = context.stdin;
  const signals = passSignals(context);
  try {
    await terminal?.enter();
    return await run({
      ...(terminal !== undefined && { input: terminal.input }),
      ...(terminal === undefined && interactive && { input: { kind: 'pipe', source } }),
      onOutput: (stream, chunk) => void (stream === 'stdout' ? stdout : stderr).write(chunk),
      onStarted: signals.onStarted,
    });
  } finally {
    terminal?.leave();
    signals.stop();
  }
}

import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContextTools } from '../build/build-context.js';
import { TemporaryFiles } from '../build/temporary-files.js';
import { escapeControls } from '../progress/escape.js';
import type { BuildEvent, Job } from '../progress/event.js';
import { openStore } from '../store/store.js';
import { removeTree } from '../sys/remove-tree.js';
import { toByteString } from '../util/bytes.js';
import { once } from '../util/once.js';
import type { BuildRequest } from './build-request.js';
import type { CliContext } from './context.js';
import { remoteSources } from './remote-tools.js';

/** What reads a build context for `work`, on a store of its own below the temporary folder: nothing stays behind. */
export async function withPrivateStore<T>(
  { registry }: Pick<BuildRequest, 'registry'>,
  context: CliContext,
  work: (tools: ContextTools) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'tsbuild-'));
  try {
    const store = await openStore(folder);
    const job: Job = { signal: context.signal, emit: (event) => tell(event, context) };
    const temporary = new TemporaryFiles(store);
    const remotes = once(() => remoteSources(registry, context, { store, job, temporary }));
    try {
      return await work({ store, job, remotes, temporary });
    } finally {
      await temporary.dispose();
      await store.close();
    }
  } finally {
    await removeTree(toByteString(folder));
  }
}

/** Of what happens only warnings are told: the answer has standard output to itself. */
function tell(event: BuildEvent, { stderr }: CliContext): void {
  if (event.kind === 'warning') stderr.write(`warning: ${escapeControls(event.message)}\n`);
}

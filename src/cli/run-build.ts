import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import type { BuildInput, BuildResult } from '../build/build.js';
import type { Job } from '../progress/event.js';
import { once } from '../util/once.js';
import { TsbuildError } from '../util/errors.js';
import { openStore, storeRoot, type Store } from '../store/store.js';
import type { BuildRequest } from './build-request.js';
import { finishBuild } from './finish-build.js';
import { checkOutputs } from './build-outputs.js';
import type { CliContext } from './context.js';
import { progressRenderer } from './progress-output.js';
import { readAll } from './read-stdin.js';
import { registryClient } from './registry-tools.js';
import { refuseUnsupported } from './unsupported-build.js';

/** Builds what a request asks for; resolves to the exit code. */
export async function runBuild(request: BuildRequest, context: CliContext): Promise<number> {
  refuseUnsupported(request);
  const outputs = checkOutputs(request, context.cwd);
  const input = await buildInput(request, context);
  const renderer = progressRenderer({ kind: request.quiet ? 'quiet' : request.progress, pushed: request.push }, context);
  const job: Job = { signal: context.signal, emit: (event) => renderer.emit(event) };
  const store = await openStore(storeRoot(context.env, context.env['HOME'] || homedir()));
  const client = once(() => Promise.resolve(registryClient(request.registry, context)));
  try {
    const lease = await store.lease({ signal: context.signal });
    try {
      const started = performance.now();
      const { build } = await import('../build/build.js');
      const result = await build(input, { store, client, job });
      await finishBuild({ request, outputs, result, context, store, client, job, started });
    } finally {
      lease.release();
    }
  } finally {
    renderer.end();
    await store.close();
  }
  return 0;
}

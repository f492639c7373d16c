import { guardProcess } from './process-guards.js';
import { version } from './version.js';

/**
 * The process: arguments in, exit code out. `--version` is answered before anything else is loaded.
 * Never rejects; the process ends with the code of the command, of a signal, or 70 for a bug.
 */
export async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const guards = guardProcess();
  if (args.length === 1 && args[0] === '--version') {
    process.stdout.write(`tsbuild ${version()}\n`);
    return guards.finish(0);
  }
  const { dispatch } = await import('./dispatch.js');
  try {
    const { env, stdout, stderr, stdin } = process;
    const code = await dispatch(args, {
      env,
      stdout,
      stderr,
      stdin,
      cwd: process.cwd(),
      signal: guards.signal,
      self: {
        argv: [process.execPath, ...process.execArgv, ...process.argv.slice(1)],
        handOver: () => guards.handOver(),
      },
    });
    await guards.finish(code);
  } catch (error) {
    await guards.fail(error);
  }
}

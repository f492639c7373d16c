/**
 * `npm run demo`: builds a base image out of this machine's own Node, builds examples/node-app on it twice, shows
 * its layers, starts the application with `tsbuild run` and asks it for a page. Everything happens in a
 * temporary folder that is deleted at the end.
 */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../test/helpers/project.js';
import { makeDemoBase } from './make-demo-base.js';

const folder = mkdtempSync(join(tmpdir(), 'tsbuild-demo-'));
const image = 'localhost/demo/node-app';
/** With one id everything in the store is the user's own, so that deleting the folder deletes it. */
const isolation = process.getuid?.() === 0 ? [] : ['--isolation=single-id'];
const launcher = join(projectRoot, 'bin/tsbuild.js');

/** Leader of the application's process group, while it runs. */
let application: number | undefined;

function endApplication(): void {
  if (application !== undefined) process.kill(-application, 'SIGKILL');
  application = undefined;
}

function clean(): void {
  endApplication();
  rmSync(folder, { recursive: true, force: true });
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function title(text: string): void {
  say(`\n── ${text} ${'─'.repeat(Math.max(0, 76 - text.length))}`);
}

/** Runs the command line on a store of the demo's own; ends the demo where it fails. */
function tsbuild(...args: readonly string[]): void {
  say(`$ tsbuild ${args.join(' ').replaceAll(`${folder}/`, '')}`);
  const started = performance.now();
  const ended = spawnSync(process.execPath, [launcher, ...args], {
    cwd: folder,
    env: { ...process.env, TSBUILD_ROOT: join(folder, 'store') },
    stdio: ['ignore', 1, 1], // one stream, so that the lines stay in order
  });
  if (ended.status !== 0) throw new Error(`tsbuild ended with ${String(ended.status ?? ended.signal)}`);
  say(`  (${((performance.now() - started) / 1000).toFixed(2)} s)`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return address !== null && typeof address === 'object' ? address.port : 8080;
}

/** Starts the application with `tsbuild run`, fetches a page, and ends it. */
async function serve(): Promise<string> {
  const port = await freePort();
  const args = ['run', ...isolation, '--rm', '-e', `PORT=${port}`, '-e', 'HOST=127.0.0.1', image];
  say(`$ tsbuild ${args.join(' ')}`);
  const child = spawn(process.execPath, [launcher, ...args], {
    env: { ...process.env, TSBUILD_ROOT: join(folder, 'store') },
    stdio: ['ignore', 'pipe', 1],
    detached: true, // a process group of its own, to end everything together
  });
  application = child.pid;
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  try {
    await new Promise<void>((resolve, reject) => {
      child.stdout?.once('data', () => resolve());
      child.once('error', reject);
      child.once('exit', () => reject(new Error('the application ended at once')));
    });
    say(`$ fetch http://127.0.0.1:${port}/`);
    return await (await fetch(`http://127.0.0.1:${port}/`)).text();
  } finally {
    child.kill(); // passed on to the application
    await ended;
    application = undefined;
  }
}

async function demo(): Promise<void> {
  title('1. A base image: this machine’s Node, a shell, npm');
  const base = join(folder, 'base');
  makeDemoBase(base);
  tsbuild('build', ...isolation, '--quiet', '--target', 'slim', '-t', 'localhost/demo/node:slim', base);
  tsbuild('build', ...isolation, '--quiet', '-t', 'localhost/demo/node:npm', base);

  title('2. The application: npm ci, a build step, tests, a slim image');
  const app = join(folder, 'node-app');
  cpSync(join(projectRoot, 'examples/node-app'), app, { recursive: true });
  tsbuild('build', ...isolation, '--progress', 'plain', '-t', image, app);

  title('3. The same again: every step is CACHED');
  tsbuild('build', ...isolation, '--progress', 'plain', '-t', image, app);

  title('4. Its layers');
  tsbuild('inspect', '--layers', image);

  title('5. The application answers');
  const page = await serve();
  say(page.trim());
  if (!page.includes('Hello from an image without a daemon')) throw new Error('that is not the page');
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    clean();
    process.exit(code);
  });
}

try {
  await demo();
  say('\nThe demo went well; its temporary folder is deleted.');
} catch (error) {
  say(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  clean();
}

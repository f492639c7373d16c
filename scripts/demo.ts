/**
 * `npm run demo`: builds a base image out of this machine's own Node, builds examples/node-app on it twice, shows
 * its layers, starts the application in namespaces of its own and asks it for a page. Everything happens in a
 * temporary folder that is deleted at the end.
 */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isJsonObject } from '../src/oci/json-guards.js';
import { projectRoot } from '../test/helpers/project.js';
import { makeDemoBase } from './make-demo-base.js';

const folder = mkdtempSync(join(tmpdir(), 'tsbuild-demo-'));
const image = 'localhost/demo/node-app';
const asRoot = process.getuid?.() === 0;

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

interface Shown {
  /** Standard output is wanted, not shown. */
  readonly capture?: boolean;
}

/** Runs the command line on a store of the demo's own; ends the demo where it fails. */
function tsbuild(args: readonly string[], { capture = false }: Shown = {}): string {
  say(`$ tsbuild ${args.join(' ').replaceAll(`${folder}/`, '')}`);
  const started = performance.now();
  const ended = spawnSync(process.execPath, [join(projectRoot, 'bin/tsbuild.js'), ...args], {
    cwd: folder,
    env: { ...process.env, TSBUILD_ROOT: join(folder, 'store') },
    stdio: ['ignore', capture ? 'pipe' : 1, 1], // one stream, so that the lines stay in order
    encoding: 'utf8',
  });
  if (ended.status !== 0) throw new Error(`tsbuild ended with ${String(ended.status ?? ended.signal)}`);
  say(`  (${((performance.now() - started) / 1000).toFixed(2)} s)`);
  return ended.stdout ?? '';
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return address !== null && typeof address === 'object' ? address.port : 8080;
}

interface Start {
  readonly argv: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
}

/** How the image says that it is started. */
function startOf(inspected: string): Start {
  const image: unknown = JSON.parse(inspected);
  const document = isJsonObject(image) && isJsonObject(image['config']) ? image['config'] : {};
  const config = isJsonObject(document['config']) ? document['config'] : {};
  const list = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);
  return {
    argv: [...list(config['Entrypoint']), ...list(config['Cmd'])],
    env: list(config['Env']),
    cwd: typeof config['WorkingDir'] === 'string' ? config['WorkingDir'] : '/',
  };
}

/** Starts the application in namespaces of its own with the image as its root, fetches a page, and ends it. */
async function serve(root: string, { argv, env, cwd }: Start): Promise<string> {
  const port = await freePort();
  const ids = asRoot ? ['--setuid', '1000', '--setgid', '1000'] : ['--user', '--map-root-user'];
  const namespaces = ['--mount', '--pid', '--ipc', '--uts', '--fork', ...ids];
  const variables = Object.fromEntries(
    env.map((each) => [each.split('=')[0] ?? '', each.replace(/^[^=]*=/, '')]),
  );
  const child = spawn('unshare', [...namespaces, `--root=${root}`, `--wd=${cwd}`, '--', ...argv], {
    env: { ...variables, PORT: String(port), HOST: '127.0.0.1' },
    stdio: ['ignore', 'pipe', 1],
    detached: true, // a process group of its own, to end unshare and the application together
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
    endApplication();
    await ended;
  }
}

async function demo(): Promise<void> {
  title('1. A base image: this machine’s Node, a shell, npm');
  const base = join(folder, 'base');
  makeDemoBase(base);
  tsbuild(['build', '--quiet', '--target', 'slim', '-t', 'localhost/demo/node:slim', base]);
  tsbuild(['build', '--quiet', '-t', 'localhost/demo/node:npm', base]);

  title('2. The application: npm ci, a build step, tests, a slim image');
  const app = join(folder, 'node-app');
  cpSync(join(projectRoot, 'examples/node-app'), app, { recursive: true });
  tsbuild(['build', '--progress', 'plain', '-t', image, app]);

  title('3. The same again: every step is CACHED');
  tsbuild(['build', '--progress', 'plain', '-t', image, app]);

  title('4. Its layers');
  tsbuild(['inspect', '--layers', image]);

  title('5. The application answers');
  const start = startOf(tsbuild(['inspect', image], { capture: true }));
  tsbuild(['build', '--quiet', '-o', `type=local,dest=${join(folder, 'rootfs')}`, app]);
  const page = await serve(join(folder, 'rootfs'), start);
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

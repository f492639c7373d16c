/**
 * Writes a build context of two small images out of this machine's own files: `slim` holds a shell, a few
 * commands and Node; `npm` adds npm. What the programs load is asked of ldd.
 *
 * Run as a program: `node dist/scripts/make-demo-base.js FOLDER`.
 */
import { execFileSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const commands =
  'cat chmod chown cp date dirname basename echo env false head id ln ls mkdir mv pwd rm rmdir sed grep sleep sort stat tail test touch tr true uname wc';

const dockerfile = `FROM scratch AS slim
COPY slim /
CMD ["/bin/sh"]

FROM slim AS npm
COPY npm /
`;

const passwd = `root:x:0:0:root:/root:/bin/sh
node:x:1000:1000:Node:/home/node:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
`;
const group = 'root:x:0:\nnode:x:1000:\nnogroup:x:65534:\n';

/** Fills `folder` with a Dockerfile and the contexts of its two stages. Throws where Node's npm cannot be found. */
export function makeDemoBase(folder: string): void {
  const slim = join(folder, 'slim');
  for (const name of ['bin', 'etc', 'home/node', 'root', 'tmp', 'usr/bin', 'usr/local/bin', 'var']) {
    mkdirSync(join(slim, name), { recursive: true });
  }
  chmodSync(join(slim, 'tmp'), 0o1777);
  chmodSync(join(slim, 'root'), 0o700);
  writeFileSync(join(slim, 'etc/passwd'), passwd);
  writeFileSync(join(slim, 'etc/group'), group);
  installPrograms(slim);
  installNpm(join(folder, 'npm'));
  writeFileSync(join(folder, 'Dockerfile'), dockerfile);
}

function installPrograms(root: string): void {
  const libraries = new Set<string>();
  const install = (source: string, target: string): void => {
    copyProgram(source, join(root, target));
    for (const library of librariesOf(source)) libraries.add(library);
  };
  install(find('sh'), 'bin/sh');
  for (const name of commands.split(' ')) install(find(name), `bin/${name}`);
  install(process.execPath, 'usr/local/bin/node');
  for (const library of libraries) copyProgram(library, join(root, library));
  symlinkSync('/bin/env', join(root, 'usr/bin/env'));
}

/** Copies what a name leads to: /bin/sh is a link on most machines. */
function copyProgram(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(realpathSync(source), target, constants.COPYFILE_FICLONE);
  chmodSync(target, 0o755);
}

function installNpm(root: string): void {
  const bin = join(root, 'usr/local/bin');
  const home = 'usr/local/lib/node_modules/npm';
  const unneeded = new Set(['man', 'docs', 'test']);
  const npm = npmFolder();
  mkdirSync(bin, { recursive: true });
  cpSync(npm, join(root, home), {
    recursive: true,
    filter: (path) => dirname(path) !== npm || !unneeded.has(basename(path)),
  });
  for (const name of ['npm', 'npx'])
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(bin, name));
}

function npmFolder(): string {
  const program = realpathSync(find('npm'));
  const places = [
    join(dirname(process.execPath), '../lib/node_modules/npm'),
    dirname(dirname(program)),
    join(dirname(program), '../lib/node_modules/npm'),
  ];
  const found = places.find((place) => existsSync(join(place, 'bin/npm-cli.js')));
  if (found === undefined) throw new Error('the files of npm cannot be found');
  return realpathSync(found);
}

function find(program: string): string {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/bin', '/usr/bin'];
  const found = folders.map((folder) => join(folder, program)).find(isExecutable);
  if (found === undefined) throw new Error(`${program} is missing on this machine`);
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The shared libraries and the loader that ldd names; none for a static program. */
function librariesOf(program: string): readonly string[] {
  let text: string;
  try {
    text = execFileSync('ldd', [realpathSync(program)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return []; // "not a dynamic executable"
  }
  return [...text.matchAll(/(?:=> )?(\/\S+) \(0x/g)].flatMap(([, path]) =>
    path === undefined ? [] : [path],
  );
}

const [, script, folder] = process.argv;
if (script !== undefined && import.meta.url === pathToFileURL(script).href) {
  if (folder === undefined) throw new Error('usage: make-demo-base FOLDER');
  makeDemoBase(folder);
}

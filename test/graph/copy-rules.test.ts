/** Rules of COPY and ADD that need a whole build: stages, accounts, archives, cached layers. Times are left out. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { apply } from '../../src/layers/apply.js';
import { emptyTree } from '../../src/layers/tree.js';
import type { Node, Tree } from '../../src/layers/types.js';
import { walkTree } from '../../src/layers/walk-tree.js';
import { TsbuildError } from '../../src/util/errors.js';
import { FakeBuild } from '../helpers/fake-build.js';
import { findProgram } from '../helpers/programs.js';
import { tarOf } from '../helpers/stores.js';

/** Text, bytes, or `{ link }`. */
type Context = Readonly<Record<string, string | Uint8Array | { readonly link: string }>>;

const passwd = 'root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/:/bin/sh\n';
const group = 'root:x:0:\nstaff:x:50:\n';

async function opened(t: ExecutionContext, files: Context): Promise<FakeBuild> {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  for (const [path, content] of Object.entries(files)) {
    const target = join(build.context, path);
    mkdirSync(dirname(target), { recursive: true });
    if (typeof content === 'object' && 'link' in content) symlinkSync(content.link, target);
    else writeFileSync(target, content);
  }
  return build;
}

async function treeOf(build: FakeBuild, dockerfile: string): Promise<Tree> {
  const { layers } = await build.build(dockerfile);
  let tree = emptyTree();
  for (const layer of layers) tree = apply(tree, await layer.changeset());
  return tree;
}

function shown(node: Node): string {
  const { mode, uid, gid } = node.meta;
  if (node.kind === 'symlink') return `-> ${node.target}`;
  const what = node.kind === 'file' ? String(node.size) : node.kind;
  return `${mode.toString(8)} ${uid}:${gid} ${what}`;
}

/** What is below /out once a Dockerfile was built: mode, owner, and the size of a file or the kind. */
const gives = test.macro({
  async exec(t, files: Context, dockerfile: string, expected: Readonly<Record<string, string>>) {
    const tree = await treeOf(await opened(t, files), dockerfile);
    const below = [...walkTree(tree)].filter(([path]) => path.startsWith('out/'));
    t.deepEqual(Object.fromEntries(below.map(([path, node]) => [path.slice(4), shown(node)])), expected);
  },
  title: (title = '') => title,
});

const refuses = test.macro({
  async exec(t, files: Context, dockerfile: string, message: RegExp) {
    const build = await opened(t, files);
    await t.throwsAsync(build.build(dockerfile), { instanceOf: TsbuildError, message });
  },
  title: (title = '') => `refused: ${title}`,
});

const a = { a: 'A' };
test(
  'COPY --from: the WORKDIR of the source stage does not count',
  gives,
  a,
  'FROM scratch AS s\nWORKDIR /w\nCOPY a b\nCOPY a /a\nFROM scratch\nCOPY --from=s a w/b /out/',
  { a: '644 0:0 1', b: '644 0:0 1' },
);
test('COPY / is the whole context', gives, { a: 'A', 'd/b': 'B' }, 'FROM scratch\nCOPY / /out', {
  a: '644 0:0 1',
  d: '755 0:0 directory',
  'd/b': '644 0:0 1',
});
test(
  '--chown by name: the accounts of the own stage, not of the source',
  gives,
  { 'etc/passwd': passwd, 'etc/group': group, a: 'A' },
  'FROM scratch AS s\nCOPY a /a\nFROM scratch\nCOPY etc /etc\nENV WHO=app G=staff\nCOPY --from=s --chown=$WHO:$G --chmod=6${EMPTY}40 a /out/',
  { a: '640 1000:50 1' },
);
test(
  '--chown: an /etc/passwd that is a link is read inside the root',
  gives,
  { 'etc/passwd': { link: '/real/passwd' }, 'real/passwd': passwd, a: 'A' },
  'FROM scratch\nCOPY . /\nCOPY --chown=app a /out/',
  { a: '644 1000:1001 1' },
);
test(
  '--chown: a name that only the host knows',
  refuses,
  { 'etc/passwd': { link: '../../../../../../etc/group' }, a: 'A' },
  'FROM scratch\nCOPY . /\nCOPY --chown=daemon a /out/',
  /unable to find user "daemon"/,
);
test(
  '--chown by name in an image without accounts',
  refuses,
  a,
  'FROM scratch\nCOPY --chown=app a /',
  /"app"/,
);
test(
  '--link: names are those of the stage',
  gives,
  { 'etc/passwd': passwd, a: 'A' },
  'FROM scratch\nCOPY etc /etc\nCOPY --link --chown=app a /out/',
  { a: '644 1000:1001 1' },
);
test(
  '--link replaces a link on the way, --link --chmod is not linked and follows it',
  gives,
  { l: { link: 'real' }, 'real/r': 'R', a: 'A' },
  'FROM scratch\nCOPY --parents l real /out/\nCOPY --link --chmod=600 a /out/l/followed\nCOPY --link a /out/l/replacing',
  {
    l: '755 0:0 directory',
    'l/replacing': '644 0:0 1',
    real: '755 0:0 directory',
    'real/r': '644 0:0 1',
    'real/followed': '600 0:0 1',
  },
);
test(
  '--exclude is not expanded, may be repeated, and takes exceptions',
  gives,
  { 'd/$X': '', 'd/v': '', 'd/k.md': '', 'd/x.md': '', 'd/y.txt': '' },
  'FROM scratch\nENV X=v\nCOPY --exclude=$X --exclude=*.md --exclude=!k.md d /out',
  { v: '644 0:0 0', 'k.md': '644 0:0 0', 'y.txt': '644 0:0 0' },
);

const tar = Buffer.concat([tarOf('in'), Buffer.alloc(1024)]);
const inside = { in: '644 0:0 2' };
const compressors: readonly (readonly [kind: string, program: string])[] = [
  ['plain', 'cat'],
  ['gzip', 'gzip'],
  ['bzip2', 'bzip2'],
  ['xz', 'xz'],
  ['zstd', 'zstd'],
];
for (const [kind, program] of compressors) {
  const able = findProgram(program) === undefined ? test.skip : test;
  able(`ADD unpacks by content: ${kind}`, async (t) => {
    const bytes = execFileSync(program, kind === 'plain' ? [] : ['-c'], { input: tar });
    const tree = await treeOf(await opened(t, { 'no-name': bytes }), 'FROM scratch\nADD no-name /out');
    t.deepEqual(
      Array.from(walkTree(tree), ([path]) => path),
      ['out', 'out/in'],
    );
  });
}

const kept: readonly (readonly [rule: string, bytes: Uint8Array])[] = [
  ['text called .tar.gz', Buffer.from('text')],
  ['nothing', Buffer.alloc(0)],
  ['gzip of what is no tar', gzipSync('text')],
  ['gzip that is cut off', gzipSync(tar).subarray(0, 12)],
  ['a zip', Buffer.concat([Buffer.from('PK\x03\x04'), deflateRawSync(tar)])],
  ['a tar whose checksum is wrong', Buffer.from(tar).fill('x', 0, 3)],
];
for (const [rule, bytes] of kept) {
  test(`ADD copies: ${rule}`, gives, { 'x.tar.gz': bytes }, 'FROM scratch\nADD x.tar.gz /out/', {
    'x.tar.gz': `644 0:0 ${bytes.length}`,
  });
}
test(
  'ADD: each match of a wildcard is judged by itself',
  gives,
  { 't/1.tar': tar, 't/2.txt': 'text' },
  'FROM scratch\nADD t/* /out/',
  { ...inside, '2.txt': '644 0:0 4' },
);
test('ADD --unpack=false copies', gives, { 'x.tar': tar }, 'FROM scratch\nADD --unpack=false x.tar /out/', {
  'x.tar': `644 0:0 ${tar.length}`,
});
test('COPY never unpacks', gives, { 'x.tar': tar }, 'FROM scratch\nCOPY x.tar /out/', {
  'x.tar': `644 0:0 ${tar.length}`,
});
test('ADD of an archive inside a folder copies it', gives, { 'd/x.tar': tar }, 'FROM scratch\nADD d /out/', {
  'x.tar': `644 0:0 ${tar.length}`,
});

const rebased: readonly (readonly [rule: string, line: string])[] = [
  ['--link: the layer is the same on another base', 'COPY --link a /x/y/'],
  ['without --link too, where nothing of the base is in the way', 'COPY a /x'],
  ['ADD too', 'ADD a /x/'],
];
for (const [rule, line] of rebased) {
  test(rule, async (t) => {
    const build = await opened(t, { a: 'A', b: 'B' });
    const ids = async (base: string): Promise<unknown> => {
      const { layers } = await build.build(`FROM scratch\nCOPY ${base} /base\n${line}\n`, {
        now: () => 1000,
      });
      return layers.at(-1)?.ref.id;
    };
    t.is(await ids('a'), await ids('b'));
  });
}

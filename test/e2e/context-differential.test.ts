/** Build contexts of every kind, and named ones, as BuildKit reads them. */
import { execFileSync } from 'node:child_process';
import test from 'ava';
import { startFileServer } from '../helpers/file-server.js';
import { hasGit, startGitServer } from '../helpers/git-server.js';
import { findProgram } from '../helpers/programs.js';
import { octal, rawFile, rawHeader } from '../helpers/raw-tar.js';
import { registryAvailable, startRegistry } from '../helpers/registry-server.js';
import { hasCommandLine, makeWorkspace } from '../helpers/tsbuild.js';
import { compareCases } from './compare-builders.js';
import type { DockerfileCase } from './dockerfile-case.js';

const dockerfile = 'FROM scratch\nCOPY . /all/\nCOPY sub /sub/\nCOPY link /followed\n';
const tar = Buffer.concat([
  rawFile('./Dockerfile', dockerfile),
  rawFile('a', 'A'),
  rawHeader({ name: 'sub/', type: '5', mode: octal(0o711, 7) }),
  rawFile('sub/b', 'B'),
  rawFile('sub/Dockerfile', 'FROM scratch\nCOPY sub/b /\n'),
  rawHeader({ name: 'link', type: '2', link: 'sub/b' }),
  rawHeader({ name: 'hard', type: '1', link: 'a' }),
  rawFile('.dockerignore', 'a\n'),
  Buffer.alloc(1024),
]);

const buildah = { leftOut: 'its contexts are folders here' } as const;
const outside = { dockerfile: '', base: false, buildah } as const;

const compressors: readonly (readonly [kind: string, command: string])[] = [
  ['plain', 'cat'],
  ['gzip', 'gzip'],
  ['bzip2', 'bzip2'],
  ['xz', 'xz'],
];
const archives: readonly DockerfileCase[] = compressors
  .filter(([, command]) => findProgram(command) !== undefined)
  .map(([kind, command]) => ({
    ...outside,
    name: `a ${kind} tar on standard input`,
    context: '-',
    input: execFileSync(command, command === 'cat' ? [] : ['-c'], { input: tar }),
  }));

const server = await startFileServer({
  '/context.tar': tar,
  '/Dockerfile': 'FROM scratch\nCOPY <<a /\nA\na\n',
});
const git = hasGit ? await startGitServer() : undefined;
const repository = await git?.repository('context');
await repository?.commit({
  Dockerfile: 'FROM scratch\nCOPY . /\n',
  a: 'A',
  '.dockerignore': 'a\n',
  'sub/Dockerfile': 'FROM scratch\nCOPY . /\n',
  'sub/b': { content: 'B', mode: 0o755 },
});
const registry = registryAvailable && hasCommandLine ? await startRegistry() : undefined;
const layout = makeWorkspace('named');
if (registry !== undefined) {
  layout.write({ 'c/Dockerfile': 'FROM scratch\nCOPY b /\nENV FROM_BASE=yes\nUSER 7\n', 'c/b': 'B' });
  const name = `${registry.host}/named/base:1`;
  const made = await layout.tsbuild(['-t', name, '--push', '-o', 'type=oci,tar=false,dest=layout', 'c']);
  if (made.code !== 0) throw new Error(made.output);
}

const url = repository?.url ?? '';
const remote: readonly DockerfileCase[] = [
  { ...outside, name: 'a tar over http', context: `${server.origin}/context.tar` },
  {
    ...outside,
    name: 'a tar over http, -f inside of it',
    context: `${server.origin}/context.tar`,
    args: ['-f', 'sub/Dockerfile'],
  },
  { ...outside, name: 'a Dockerfile over http', context: `${server.origin}/Dockerfile` },
  {
    ...outside,
    name: 'a Dockerfile on standard input has no files',
    context: '-',
    input: Buffer.from('FROM scratch\nCOPY <<x /\nX\nx\n'),
  },
];
const repositories: readonly DockerfileCase[] = [
  { ...outside, name: 'a repository', context: url },
  { ...outside, name: 'a folder of a repository', context: `${url}#main:sub` },
  { ...outside, name: 'a repository with a query', context: `${url}?branch=main&subdir=sub` },
  { ...outside, name: 'a repository, -f inside of it', context: url, args: ['-f', 'sub/Dockerfile'] },
  {
    name: '--build-context: a folder of a repository',
    base: false,
    args: [`--build-context=repo=${url}#main:sub`],
    dockerfile: 'FROM scratch\nCOPY --from=repo . /repo/',
    buildah,
  },
];
const named: readonly DockerfileCase[] = [
  {
    name: '--build-context: folders before stages and images, each with its own .dockerignore',
    base: false,
    files: {
      own: 'own\n',
      'first/f': '1\n',
      'second/s': '2\n',
      'second/skip': '',
      'second/.dockerignore': 'skip\n.dockerignore\n',
    },
    args: [
      '--build-context=one={context}/first',
      '--build-context',
      'two={context}/second',
      '--build-context=alpine={context}/first',
    ],
    dockerfile: `FROM scratch AS one
COPY own /
FROM scratch AS other
COPY --from=one / /one
COPY --from=two / /two
COPY --from=alpine f /image
FROM alpine
COPY --from=other / /`,
    buildkit: [
      {
        why: 'it writes no history for the layer of a folder as the base, so that entries stand at other layers',
        matches: ({ section }) => section === 'history',
      },
    ],
    buildah,
  },
  ...(registry === undefined
    ? []
    : [
        {
          name: '--build-context: docker-image:// and oci-layout://',
          base: false as const,
          args: [
            `--build-context=base=docker-image://${registry.host}/named/base:1`,
            `--build-context=layout=oci-layout://${layout.path('layout')}:1`,
          ],
          dockerfile: `FROM base AS one
COPY --from=layout b /copied
FROM layout
COPY --from=one /copied /from-one`,
          buildah,
        },
      ]),
];

test.after.always(async () => {
  await server.close();
  await git?.close();
  await registry?.close();
  await layout.remove();
});
compareCases([...archives, ...remote, ...(repository === undefined ? [] : repositories), ...named]);

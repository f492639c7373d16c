/** ADD of URLs and repositories as BuildKit adds them, from servers on loopback that both builders ask. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { startFileServer } from '../helpers/file-server.js';
import { hasGit, startGitServer, type GitServer } from '../helpers/git-server.js';
import { tarOf } from '../helpers/stores.js';
import { compareCases } from './compare-builders.js';
import { inFiles, type DockerfileCase } from './dockerfile-case.js';

const text = 'hello from afar\n';
const sum = `sha256:${createHash('sha256').update(text).digest('hex')}`;
const archive = gzipSync(tarOf('inside'));
const modified = { 'Last-Modified': 'Wed, 21 Oct 2015 07:28:00 GMT' };

const server = await startFileServer({
  '/d/file.txt': (_, response) => response.writeHead(200, modified).end(text),
  '/undated': text,
  '/moved/old.txt': (_, response) => response.writeHead(302, { Location: '/d/file.txt' }).end(),
  '/archive.tar.gz': (_, response) => response.writeHead(200, modified).end(archive),
  '/disposition/': (_, response) =>
    response
      .writeHead(200, { ...modified, 'Content-Disposition': 'attachment; filename="named.txt"' })
      .end(text),
  '/folder/': (_, response) => response.writeHead(200, modified).end(text),
  '/with%20blank.txt': (_, response) => response.writeHead(200, modified).end(text),
  '/query': (_, response) => response.writeHead(200, modified).end(text),
});
const { origin } = server;

const leftOut = { buildah: { leftOut: 'it dates downloads otherwise' } } as const;

const httpCases: readonly DockerfileCase[] = [
  {
    name: 'ADD http: mode 0600, root, Last-Modified; to a name, into a folder, into a folder that exists',
    dockerfile: `FROM base
ADD ${origin}/d/file.txt /name
ADD ${origin}/d/file.txt /dir/
ADD ${origin}/d/file.txt /etc
ADD ${origin}/d/file.txt /dot/.
WORKDIR /work
ADD ${origin}/d/file.txt .
ADD ${origin}/d/file.txt relative`,
    ...leftOut,
  },
  {
    name: 'ADD http: without Last-Modified, a redirect, a name in the header, a query, a blank',
    dockerfile: `FROM base
ADD ${origin}/undated /undated/
ADD ${origin}/moved/old.txt /redirect/
ADD ${origin}/disposition/ /disposition/
ADD ${origin}/query?a=b&c=/d /query/
ADD ${origin}/with%20blank.txt /blank/
ADD ${origin}/folder/ /plain-name`,
    ...leftOut,
  },
  {
    name: 'ADD http: --checksum, --chown, --chmod, --link, variables',
    dockerfile: `FROM base
ARG SUM=${sum}
ENV PLACE=${origin}/d
ADD --checksum=${sum} ${origin}/d/file.txt /sum
ADD --checksum=$SUM $PLACE/file.txt /variable/
ADD --chown=app:staff ${origin}/d/file.txt /chown/
ADD --chown=7 ${origin}/d/file.txt /chown/file
ADD --chmod=4755 ${origin}/d/file.txt /chmod/
ADD --chmod=u=rwX,go=rX ${origin}/d/file.txt /symbolic/
ADD --link ${origin}/d/file.txt /link/`,
    ...leftOut,
  },
  {
    name: 'ADD http: archives stay archives, and are unpacked with --unpack',
    dockerfile: `FROM base
ADD ${origin}/archive.tar.gz /kept/
ADD --unpack=false ${origin}/archive.tar.gz /false/
ADD --unpack=true ${origin}/archive.tar.gz /true/
ADD --unpack=true --chown=7:8 ${origin}/archive.tar.gz /owned
ADD --unpack ${origin}/d/file.txt /plain/`,
    ...leftOut,
  },
  {
    name: 'ADD: local archives with --unpack=false; URLs, files and folders together',
    files: { 'd/f': 'f\n', local: 'l\n' },
    prepare: 'tar -C d -cf local.tar .',
    dockerfile: `FROM base
ADD --unpack=false local.tar /file/
ADD --unpack=true local.tar /tree/
ADD ${origin}/d/file.txt local d local.tar /all/`,
    ...leftOut,
  },
];
const git = hasGit ? await startGitServer() : undefined;

/**
 * A repository with a submodule, for one ADD: BuildKit checks out all that it is asked for of a repository in one folder,
 * at the same time, and leaves there what belongs to the submodules of another commit.
 */
async function withSubmodule(git: GitServer, name: string): Promise<string> {
  const library = await git.repository(`${name}-library`);
  await library.commit({ 'lib.c': 'int x;\n' });
  const parent = await git.repository(name);
  const add = ['submodule', '--quiet', 'add', library.url, 'vendor/library'];
  await parent.git('-c', 'protocol.file.allow=always', ...add);
  await parent.commit({ own: 'own\n' });
  return parent.url;
}

async function gitCases(git: GitServer): Promise<readonly DockerfileCase[]> {
  const project = await git.repository('project');
  await project.commit({ old: '1\n', 'sub/one': 'one\n' });
  await project.git('tag', 'v1');
  await project.git('tag', '-a', '-m', 'annotated', 'v1-annotated');
  const first = (await project.git('rev-parse', 'HEAD')).trim();
  await project.commit({
    'sub/two': 'two\n',
    'sub/deep/run.sh': { content: '#!/bin/sh\n', mode: 0o755 },
    secret: { content: 's', mode: 0o600 },
  });
  await project.git('branch', 'other', first);

  const { url } = project;
  return [
    {
      name: 'ADD git: HEAD, a branch, tags, a commit, a folder',
      dockerfile: `FROM base
ADD ${url} /head
ADD ${url}#other /branch
ADD ${url}#v1 /tag
ADD ${url}#v1-annotated /annotated/
ADD ${url}#${first} /commit
ADD ${url}#main:sub /sub
ADD ${url}#:sub/deep /deep
ADD ${url}#refs/heads/other /full`,
      buildah: { leftOut: 'its checkouts have other modes' },
    },
    {
      name: 'ADD git: submodules',
      dockerfile: `FROM base
ADD ${await withSubmodule(git, 'checked-out')} /with
ADD ${await withSubmodule(git, 'left-out')}?submodules=false /without`,
      buildkit: [inFiles('leaves a .git that leads nowhere in submodules', /^with\/vendor\/library\/\.git$/)],
      buildah: { leftOut: 'its checkouts have other modes' },
    },
    {
      name: 'ADD git: --keep-git-dir keeps what submodules say too',
      dockerfile: `FROM base
ADD --keep-git-dir=true ${await withSubmodule(git, 'kept')} /kept`,
      buildkit: [inFiles('git’s own data hold other packs', /^kept\/\.git\//)],
      buildah: { leftOut: 'its checkouts have other modes' },
    },
    {
      name: 'ADD git: parameters of the query, flags',
      dockerfile: `FROM base
ADD ${url}?branch=main&subdir=sub /branch
ADD ${url}?tag=v1 /tag
ADD ${url}?ref=other&submodules=false /ref
ADD --checksum=${first} ${url}#v1 /sum
ADD ${url}?ref=v1&checksum=${first.slice(0, 12)} /short
ADD --chown=7:8 --chmod=750 ${url}#v1 /owned
ADD --link ${url}#v1:sub /link/`,
      buildah: { leftOut: 'its checkouts have other modes' },
    },
  ];
}

const all = [...httpCases, ...(git === undefined ? [] : await gitCases(git))];
test.after.always(async () => {
  await server.close();
  await git?.close();
});
compareCases(all);

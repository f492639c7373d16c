/** Git repositories for tests: made with the real program, served by git daemon on loopback. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './ports.js';
import { findProgram, outputOf, startProgram } from './programs.js';
import { makeScratch, removeScratch, writeFiles, type FileOf } from './scratch.js';

/** git, with its daemon. */
export const hasGit: boolean = findProgram('git') !== undefined;

export interface GitServer {
  /** `git://127.0.0.1:port`. */
  readonly origin: string;
  readonly folder: string;
  /** A repository of that name with no commit. */
  readonly repository: (name: string) => Promise<Repository>;
  close(): Promise<void>;
}

export interface Repository {
  readonly url: string;
  readonly folder: string;
  readonly git: (...args: readonly string[]) => Promise<string>;
  /** Writes files and commits them at 2020-01-01; resolves to the commit. */
  commit(files: Readonly<Record<string, FileOf>>): Promise<string>;
}

const identity = {
  GIT_AUTHOR_NAME: 'T',
  GIT_AUTHOR_EMAIL: 't@example.test',
  GIT_COMMITTER_NAME: 'T',
  GIT_COMMITTER_EMAIL: 't@example.test',
  GIT_AUTHOR_DATE: '1577836800 +0000',
  GIT_COMMITTER_DATE: '1577836800 +0000',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
};

export async function startGitServer(): Promise<GitServer> {
  const folder = makeScratch('git');
  const port = await freePort();
  const daemon = startProgram([
    'git',
    'daemon',
    '--export-all',
    '--reuseaddr',
    '--verbose',
    '--informative-errors',
    `--base-path=${folder}`,
    '--listen=127.0.0.1',
    `--port=${port}`,
    folder,
  ]);
  await daemon.printed(/Ready to rumble/);
  const origin = `git://127.0.0.1:${port}`;
  return {
    origin,
    folder,
    repository: (name) => makeRepository(join(folder, name), `${origin}/${name}`),
    close: async () => {
      await daemon.stop();
      await removeScratch(folder);
    },
  };
}

async function makeRepository(folder: string, url: string): Promise<Repository> {
  mkdirSync(folder);
  const git = (...args: readonly string[]) => outputOf(['git', ...args], { cwd: folder, env: identity });
  await git('init', '--quiet', '--initial-branch=main');
  return {
    url,
    folder,
    git,
    commit: async (files) => {
      writeFiles(folder, files);
      await git('add', '--all');
      await git('commit', '--quiet', '--allow-empty', '-m', 'test');
      return (await git('rev-parse', 'HEAD')).trim();
    },
  };
}

import type { ScannedContext } from '../layers/scan-context.js';
import type { IgnoreMatcher } from '../parser/ignore.js';
import type { Job } from '../progress/event.js';
import type { Remotes } from '../remote/remotes.js';
import type { Store } from '../store/store.js';
import type { TemporaryFiles } from './temporary-files.js';

/** Files that COPY and ADD can take: a folder, an archive or a repository. */
export interface BuildContext {
  /** As the user wrote it, without credentials. */
  readonly shown: string;
  /** Tells it from other contexts between builds: a path or a URL. */
  readonly identity: string;
  /** What is left out; empty for what is no folder. */
  readonly ignore: IgnoreMatcher;
  /** Its files, walked or unpacked when they are first asked for, and once. Throws `context`. */
  readonly files: () => Promise<ScannedContext>;
  /** Seconds since 1970 of the commit or the download; undefined for what has no time of its own. */
  readonly time: (() => Promise<number>) | undefined;
}

/** What opening a context needs. */
export interface ContextTools {
  readonly store: Store;
  readonly job: Job;
  readonly remotes: () => Promise<Remotes>;
  readonly temporary: TemporaryFiles;
}

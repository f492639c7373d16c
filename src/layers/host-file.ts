import { closeSync, fstatSync, type BigIntStats } from 'node:fs';
import type { Digest } from '../oci/digest.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import type { Beneath } from './beneath.js';
import { hashOpenFile, hashOpenFileSync } from './hash-file.js';
import { quoted } from './path.js';
import { fileType } from './stat.js';
import type { Turns } from './turns.js';
import type { File, LinkGroup, Metadata } from './types.js';

/** What the kernel says of a file's content without reading it: device, inode, size, mtime and ctime (nanoseconds). */
export type FileIdentity = readonly [
  dev: bigint,
  ino: bigint,
  size: bigint,
  mtimeNs: bigint,
  ctimeNs: bigint,
];

/** Remembers digests between builds. */
export interface HashCache {
  get(...identity: FileIdentity): Digest | undefined;
  set(digest: Digest, ...identity: FileIdentity): void;
}

export interface HashSettings {
  readonly cache: HashCache | undefined;
  /** Files changed at or after this moment (nanoseconds since 1970) may still change without another timestamp. */
  readonly settledBefore: bigint;
  /** Opens the context's root for one run of reading. */
  readonly open: () => Beneath;
}

export function identityOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): FileIdentity {
  return [dev, ino, size, mtimeNs, ctimeNs];
}

/** The digest that an earlier build remembered. */
export function rememberedDigest(identity: FileIdentity, settings: HashSettings): Digest | undefined {
  return isSettled(identity, settings) ? settings.cache?.get(...identity) : undefined;
}

function isSettled([, , , mtime, ctime]: FileIdentity, { settledBefore }: HashSettings): boolean {
  return mtime < settledBefore && ctime < settledBefore;
}

/** The content of one file of a context: hashed when its digest is first asked for, and only then. */
export class HostContent {
  #digest: Digest | undefined;

  constructor(
    /** Relative to the context's root. */
    readonly path: string,
    private readonly identity: FileIdentity,
    private readonly settings: HashSettings,
  ) {}

  /** Hashes without giving way; `prefetch` is the friendlier way. */
  get digest(): Digest {
    return (this.#digest ??= this.#readNow());
  }

  /** Whether `digest` needs no reading. */
  isKnown(): boolean {
    return this.#digest !== undefined;
  }

  /** Throws `context` when the file is no longer the one that the walk saw. */
  async prefetch(beneath: Beneath, turns: Turns): Promise<void> {
    if (this.isKnown()) return;
    const fd = this.#open(beneath);
    try {
      this.#accept(fd, await hashOpenFile(fd, Number(this.identity[2]), turns));
    } finally {
      closeSync(fd);
    }
  }

  #readNow(): Digest {
    const beneath = this.settings.open();
    try {
      const fd = this.#open(beneath);
      try {
        return this.#accept(fd, hashOpenFileSync(fd, Number(this.identity[2])));
      } finally {
        closeSync(fd);
      }
    } finally {
      beneath.close();
    }
  }

  #open(beneath: Beneath): number {
    let fd: number;
    try {
      fd = beneath.openFile(this.path);
    } catch (error) {
      throw this.#openError(error);
    }
    if (this.#isSame(fd)) return fd;
    closeSync(fd);
    throw this.#changed();
  }

  #isSame(fd: number): boolean {
    const stat = fstatSync(fd, { bigint: true });
    return fileType(stat) === 'file' && identityOf(stat).every((value, at) => value === this.identity[at]);
  }

  #accept(fd: number, digest: Digest | undefined): Digest {
    if (digest === undefined || !this.#isSame(fd)) throw this.#changed();
    this.#digest = digest;
    if (isSettled(this.identity, this.settings)) this.settings.cache?.set(digest, ...this.identity);
    return digest;
  }

  #openError(error: unknown): TsbuildError {
    const code = errnoCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENXIO')
      return this.#changed(error);
    return new TsbuildError('context', `cannot read ${quoted(this.path)} of the build context: ${code}`, {
      hint: 'make it readable or exclude it with .dockerignore',
      cause: error,
    });
  }

  #changed(cause?: unknown): TsbuildError {
    return new TsbuildError(
      'context',
      `${quoted(this.path)} changed while the build context was being read`,
      {
        hint: 'build again when nothing writes to the context',
        cause,
      },
    );
  }
}

/** A file of a tree; a digest that is not known is read late. Copies made by spreading it read the digest then. */
export function hostFile(
  content: HostContent | { readonly digest: Digest },
  { meta, size, links }: { meta: Metadata; size: number; links: LinkGroup | undefined },
): File {
  if (!(content instanceof HostContent)) {
    const plain: File = { kind: 'file', meta, size, digest: content.digest };
    return links === undefined ? plain : { ...plain, links };
  }
  return {
    kind: 'file',
    meta,
    size,
    get digest() {
      return content.digest;
    },
    ...(links === undefined ? {} : { links }),
  };
}

import { createHash } from 'node:crypto';
import { link, mkdir, open, symlink } from 'node:fs/promises';
import { readBody } from '../layers/body.js';
import { walkChangeset } from '../layers/changeset.js';
import { quoted } from '../layers/path.js';
import type {
  BodySource,
  Changeset,
  ChangesetEntry,
  Device,
  File,
  LinkGroup,
  Metadata,
} from '../layers/types.js';
import { finishDigest } from '../oci/digest.js';
import type { Job } from '../progress/event.js';
import { applyAttributes, type AttributeChange } from '../sys/attributes.js';
import { makeNodes } from '../sys/nodes.js';
import { bytePath } from '../util/bytes.js';
import { errnoCode, TsbuildError } from '../util/errors.js';

export interface TreeToWrite {
  /** A whole tree, as what it adds to nothing. */
  readonly changeset: Changeset;
  readonly body: BodySource;
  /** An empty folder; an absolute byte string. */
  readonly path: string;
}

/** A folder that was made, relative to the root, and what is to be set on it. */
export interface FolderAttributes {
  readonly path: string;
  readonly meta: Metadata;
}

/** Changes of attributes that are gathered before a process is started for them. */
const batchSize = 2000;

/**
 * Writes the files of a tree, with their attributes when that is permitted to the user. Folders are made with mode
 * 0700; theirs are given back, to be set when nothing changes in them any more. Contents are compared with their
 * digests. Throws `store` when one differs, and the signal's reason after an abort.
 */
export async function writeTree(tree: TreeToWrite, job: Job): Promise<readonly FolderAttributes[]> {
  const writer = new TreeWriter(tree, job);
  for (const [path, entry] of walkChangeset(tree.changeset)) {
    job.signal.throwIfAborted();
    await writer.add(path, entry);
  }
  await writer.flush();
  return writer.folders;
}

/** Sets the attributes of folders below `root`, the deepest first. */
export async function setFolderAttributes(root: string, folders: readonly FolderAttributes[]): Promise<void> {
  const changes = folders.map(({ path, meta }) => changeOf(`${root}/${path}`, meta)).reverse();
  await apply(changes);
}

class TreeWriter {
  readonly folders: FolderAttributes[] = [];
  readonly #groups = new Map<LinkGroup, string>();
  #changes: AttributeChange[] = [];
  #skipped = false;

  constructor(
    private readonly tree: TreeToWrite,
    private readonly job: Job,
  ) {}

  async add(path: string, entry: ChangesetEntry): Promise<void> {
    const place = `${this.tree.path}/${path}`;
    switch (entry.kind) {
      case 'directory':
        await mkdir(bytePath(place), { mode: 0o700 });
        if (entry.meta !== undefined) this.folders.push({ path, meta: entry.meta });
        return;
      case 'file':
        return this.#addFile(place, entry);
      case 'symlink':
        await symlink(bytePath(entry.target), bytePath(place));
        return this.#change({ ...changeOf(place, entry.meta), mode: undefined });
      case 'device':
        return this.#addDevice(place, entry);
      case 'hardlink':
        return link(bytePath(`${this.tree.path}/${entry.target}`), bytePath(place));
      case 'whiteout':
        return;
    }
  }

  async flush(): Promise<void> {
    const changes = this.#changes;
    this.#changes = [];
    await apply(changes);
  }

  async #addFile(place: string, file: File): Promise<void> {
    const first = file.links === undefined ? undefined : this.#groups.get(file.links);
    if (first !== undefined) return link(bytePath(first), bytePath(place));
    if (file.links !== undefined) this.#groups.set(file.links, place);
    await writeFile(place, file, this.tree.body);
    await this.#change(changeOf(place, file.meta));
  }

  async #addDevice(place: string, device: Device): Promise<void> {
    if (device.type !== 'fifo' && !isRoot()) {
      if (!this.#skipped) {
        this.job.emit({ kind: 'warning', message: 'devices are not exported: only root can make them' });
      }
      this.#skipped = true;
      return;
    }
    await makeNodes([{ ...device, path: place, mode: device.meta.mode }]);
    await this.#change(changeOf(place, device.meta));
  }

  async #change(change: AttributeChange): Promise<void> {
    if (this.#changes.push(change) >= batchSize) await this.flush();
  }
}

async function writeFile(place: string, file: File, body: BodySource): Promise<void> {
  const handle = await open(bytePath(place), 'wx', 0o600);
  try {
    const hash = createHash('sha256');
    for await (const chunk of readBody(await body(file))) {
      hash.update(chunk);
      await handle.appendFile(chunk);
    }
    if (finishDigest(hash) === file.digest) return;
  } finally {
    await handle.close();
  }
  throw new TsbuildError('store', `the content of ${quoted(place)} is not what the image says`);
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Owners and extended attributes of all kinds are root's to set. */
function changeOf(path: string, { mode, uid, gid, mtime, xattrs }: Metadata): AttributeChange {
  return isRoot() ? { path, mode, uid, gid, mtime, xattrs } : { path, mode, mtime };
}

/** A file system without extended attributes gets the rest. */
async function apply(changes: readonly AttributeChange[]): Promise<void> {
  if (changes.length === 0) return;
  try {
    await applyAttributes(changes);
  } catch (error) {
    if (errnoCode(error) !== 'EOPNOTSUPP' && errnoCode(error) !== 'ENOTSUP') throw error;
    await applyAttributes(changes.map((change) => ({ ...change, xattrs: undefined })));
  }
}

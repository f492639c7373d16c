import { resolveOwner } from '../../executor/users.js';
import { apply } from '../../layers/apply.js';
import { diff } from '../../layers/diff.js';
import { pruneUnchanged } from '../../layers/prune.js';
import { copy, type CopyOptions, type CopySource } from '../../layers/copy.js';
import { copyArchive } from '../../layers/copy-archive.js';
import type { Selection } from '../../layers/select.js';
import type { Snapshot } from '../../layers/snapshot.js';
import type { Body, BodySource, Changeset, File, Tree } from '../../layers/types.js';
import { parseChmod } from '../../parser/chmod.js';
import { TsbuildError } from '../../util/errors.js';
import type { CopyOp } from '../ops.js';
import type { Workshop } from '../runner.js';
import { accountFiles, isNumericAccount } from './account-files.js';
import { archiveKind, readArchiveFile, type UnpackedArchive } from './archive-source.js';
import type { SelectedSource } from './copy-sources.js';

export interface CopyWork {
  readonly op: CopyOp;
  /** The stage's root: whose accounts name owners. */
  readonly base: Snapshot;
  /** What is copied onto: the root's tree, or nothing for --link. */
  readonly onto: Tree;
  readonly sources: readonly SelectedSource[];
  readonly shop: Workshop;
  /** Milliseconds since 1970: mtime of directories made on the way. */
  readonly now: number;
}

/** What one COPY or ADD changes, and where the bytes of its files are. */
export async function copyChangeset(
  work: CopyWork,
): Promise<{ readonly changeset: Changeset; readonly bodies: BodySource }> {
  const options = await copyOptions(work);
  const bodies: ((file: File) => Body | undefined | Promise<Body | undefined>)[] = [];
  const changes: Changeset[] = [];
  let tree = work.onto;
  const add = (change: Changeset) => {
    changes.push(change);
    tree = apply(tree, change);
  };
  for (const { fromOutside, part } of await parts(work)) {
    if ('archive' in part) {
      bodies.push(part.archive.body);
      add(copyArchive(tree, part.archive.changeset, options));
    } else {
      const defaultOwner = fromOutside ? 'root' : 'keep';
      add(copy(tree, part.sources, { ...options, defaultOwner, stripXattrs: fromOutside }));
    }
  }
  const [only] = changes;
  const changeset =
    only !== undefined && changes.length === 1 ? only : pruneUnchanged(work.onto, diff(work.onto, tree));
  return { changeset, bodies: firstOf([...bodies, ...work.sources.map(({ body }) => body)]) };
}

async function copyOptions({
  op,
  base,
  now,
}: CopyWork): Promise<Omit<CopyOptions, 'defaultOwner' | 'stripXattrs'>> {
  const { destination, workdir, parents, chown, chmod } = op;
  const accounts = chown === undefined || isNumericAccount(chown) ? {} : await accountFiles(base);
  return {
    destination,
    workdir,
    parents,
    owner: chown === undefined ? undefined : resolveOwner(chown, accounts),
    chmod: chmod === undefined ? undefined : parseChmod(chmod),
    now: BigInt(now) * 1_000_000n,
  };
}

interface Part {
  readonly fromOutside: boolean;
  readonly part: { readonly sources: readonly CopySource[] } | { readonly archive: UnpackedArchive };
}

/** Selections in order: runs of plain ones are copied together, each archive is unpacked by itself. */
async function parts({ sources, shop }: CopyWork): Promise<readonly Part[]> {
  const found: Part[] = [];
  for (const source of sources) {
    let plain: Selection[] = [];
    const flush = () => {
      if (plain.length > 0 || source.selections.length === 0) {
        append(found, source.fromOutside, { pattern: source.pattern, selections: plain });
      }
      plain = [];
    };
    for (const selection of source.selections) {
      const archive = source.unpack === 'auto' ? await unpacked(source, selection, shop) : undefined;
      if (archive === undefined) {
        plain.push(selection);
      } else {
        flush();
        found.push({ fromOutside: true, part: { archive } });
      }
    }
    flush();
  }
  return found;
}

function append(parts: Part[], fromOutside: boolean, source: CopySource): void {
  const last = parts.at(-1);
  if (last !== undefined && 'sources' in last.part && last.fromOutside === fromOutside) {
    parts[parts.length - 1] = { fromOutside, part: { sources: [...last.part.sources, source] } };
  } else {
    parts.push({ fromOutside, part: { sources: [source] } });
  }
}

async function unpacked(
  source: SelectedSource,
  { node }: Selection,
  shop: Workshop,
): Promise<UnpackedArchive | undefined> {
  if (node.kind !== 'file' || !source.fromOutside) return undefined;
  const body = await source.body(node);
  const kind = body && (await archiveKind(body));
  return body === undefined || kind === undefined
    ? undefined
    : readArchiveFile(body, kind, shop.temporaryFile());
}

/** Asks one place after the other. */
function firstOf(
  places: readonly ((file: File) => Body | undefined | Promise<Body | undefined>)[],
): BodySource {
  return async (file) => {
    for (const place of places) {
      const body = await place(file);
      if (body !== undefined) return body;
    }
    throw new TsbuildError('copy', `the content ${file.digest} of a file is in none of the sources`);
  };
}

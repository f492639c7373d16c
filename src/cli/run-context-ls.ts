import type { BuildContext, ContextTools } from '../build/build-context.js';
import {
  listContext,
  listExclusions,
  type ContextExclusion,
  type ContextItem,
} from '../build/context-listing.js';
import { escapeControls } from '../progress/escape.js';
import { formatBytes } from '../progress/units.js';
import { openFiles } from './build-input.js';
import type { BuildRequest } from './build-request.js';
import type { CliContext } from './context.js';
import { withPrivateStore } from './private-store.js';
import { jsonLines, textTable } from './text-table.js';

export interface ContextLsRequest extends Pick<BuildRequest, 'context' | 'file' | 'ignoreFile' | 'registry'> {
  readonly why: boolean;
  /** Levels of folders in the table. */
  readonly depth: number;
  readonly json: boolean;
}

interface Listing {
  readonly root: ContextItem;
  readonly exclusions: readonly ContextExclusion[];
  /** The ignore file as shown to people; undefined without one. */
  readonly ignoreFile: string | undefined;
}

/** Prints what enters a build, and with `why` what does not. Resolves to the exit code. */
export async function runContextLs(request: ContextLsRequest, cli: CliContext): Promise<number> {
  const listing = await withPrivateStore(request, cli, async (tools: ContextTools) =>
    listingOf(await openFiles({ ...request, buildArgs: new Map() }, cli, tools)),
  );
  cli.stdout.write(request.json ? json(listing, request) : tables(listing, request));
  return 0;
}

async function listingOf(context: BuildContext): Promise<Listing> {
  const files = await context.files();
  return {
    root: listContext(files),
    exclusions: await listExclusions(context),
    ignoreFile: files.ignoreFile,
  };
}

function tables({ root, exclusions, ignoreFile }: Listing, { depth, why }: ContextLsRequest): string {
  const rows = [...itemsTo(depth, root)].map((item) => [...amount(item), shown(item)]);
  const included = textTable(['SIZE', 'FILES', 'PATH'], [...rows, [...total([root]), 'total']]);
  if (exclusions.length === 0) return why ? `${included}\nNothing is kept out.\n` : included;
  if (!why) return `${included}\n${keptOut(exclusions)}: --why names the rules.\n`;
  const reasons = exclusions.map((item) => [
    ...amount(item),
    shown(item),
    `${ignoreFile ?? ''}:${item.line ?? ''}`,
    escapeControls(item.pattern),
  ]);
  const sum = [...total(exclusions), 'total', '', ''];
  return `${included}\n${textTable(['SIZE', 'FILES', 'KEPT OUT', 'BY', 'PATTERN'], [...reasons, sum])}`;
}

type Amount = Pick<ContextExclusion, 'kind' | 'files' | 'size'>;

function amount({ kind, files, size }: Amount): readonly string[] {
  return [
    size === undefined ? '?' : formatBytes(size),
    kind === 'directory' ? (files === undefined ? '?' : String(files)) : '',
  ];
}

function total(items: readonly Omit<Amount, 'kind'>[]): readonly string[] {
  const size = items.reduce((sum, item) => sum + (item.size ?? 0), 0);
  return [formatBytes(size), String(items.reduce((sum, { files = 0 }) => sum + files, 0))];
}

function keptOut(exclusions: readonly ContextExclusion[]): string {
  const [size, files] = total(exclusions);
  return `${files === '1' ? '1 file is' : `${files} files are`} kept out (${size})`;
}

function shown({ path, kind }: Pick<ContextExclusion, 'path' | 'kind'>): string {
  return `${escapeControls(path)}${kind === 'directory' ? '/' : ''}`;
}

function json({ root, exclusions, ignoreFile }: Listing, { why }: ContextLsRequest): string {
  const included = [...itemsTo(Infinity, root)].map(({ path, kind, size }) => ({ path, type: kind, size }));
  const excluded = exclusions.map(({ path, kind, files, size, pattern, line }) => ({
    path,
    excluded: true,
    type: kind,
    files,
    size,
    file: ignoreFile,
    line,
    pattern,
  }));
  return jsonLines(why ? [...included, ...excluded] : included);
}

function* itemsTo(depth: number, { items }: ContextItem): Generator<ContextItem> {
  for (const item of items) {
    yield item;
    if (depth > 1) yield* itemsTo(depth - 1, item);
  }
}

import { basename, relative } from 'node:path';
import type { ContextTools } from '../build/build-context.js';
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
  const listing = await withPrivateStore(request, cli, (tools) => listingOf(request, cli, tools));
  cli.stdout.write(request.json ? json(listing, request) : tables(listing, request));
  return 0;
}

async function listingOf(request: ContextLsRequest, cli: CliContext, tools: ContextTools): Promise<Listing> {
  const { context, ignoreFile } = await openFiles({ ...request, buildArgs: new Map() }, cli, tools);
  const files = await context.files();
  return {
    root: listContext(files),
    exclusions: listExclusions(files, context.ignore),
    ignoreFile: ignoreFile === undefined ? undefined : shownPath(context.identity, ignoreFile),
  };
}

/** Relative to the context inside of it, else the name alone. */
function shownPath(context: string, path: string): string {
  const inside = relative(context, path);
  return inside.startsWith('..') ? basename(path) : inside;
}

function tables({ root, exclusions, ignoreFile }: Listing, { depth, why }: ContextLsRequest): string {
  const rows = [...itemsTo(depth, root)].map(({ path, kind, files, size }) => [
    formatBytes(size),
    kind === 'directory' ? String(files) : '',
    `${escapeControls(path)}${kind === 'directory' ? '/' : ''}`,
  ]);
  const total = [formatBytes(root.size), String(root.files), 'total'];
  const included = textTable(['SIZE', 'FILES', 'PATH'], [...rows, total]);
  if (!why) return included;
  if (exclusions.length === 0) return `${included}\nNothing is kept out.\n`;
  const reasons = exclusions.map(({ path, pattern, line }) => [
    escapeControls(path),
    `${ignoreFile ?? ''}:${line ?? ''}`,
    escapeControls(pattern),
  ]);
  return `${included}\n${textTable(['KEPT OUT', 'BY', 'PATTERN'], reasons)}`;
}

function json({ root, exclusions, ignoreFile }: Listing, { why }: ContextLsRequest): string {
  const included = [...itemsTo(Infinity, root)].map(({ path, kind, size }) => ({ path, type: kind, size }));
  const excluded = exclusions.map(({ path, pattern, line }) => ({
    path,
    excluded: true,
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

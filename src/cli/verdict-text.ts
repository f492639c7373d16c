import type { LayerVerdict } from '../build/finish-image.js';
import { shortDigest } from './find-image.js';
import { timeAgo } from './time-ago.js';

/** What the last build did for a layer: whether it was in the cache, when it was made, under which key it is kept. */
export function verdictCells(verdict: LayerVerdict | undefined, now: number): [string, string, string] {
  if (verdict === undefined) return ['-', '-', '-'];
  if (verdict.verdict === 'base') return ['base', '-', '-'];
  return [verdict.verdict, timeAgo(verdict.created, now), `${shortDigest(verdict.key)} by ${verdict.by}`];
}

export function verdictJson(verdict: LayerVerdict | undefined): object {
  if (verdict === undefined) return { cache: '-' };
  if (verdict.verdict === 'base') return { cache: 'base' };
  const { key, by, created } = verdict;
  return { cache: verdict.verdict, key, by, made: new Date(created).toISOString() };
}

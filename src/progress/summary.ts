import type { Built } from './event.js';
import { shownName } from './shown-name.js';
import { paint } from './style.js';
import { count, formatBytes, formatSeconds } from './units.js';

export interface SummaryOptions {
  readonly color: boolean;
  readonly pushed: boolean;
}

/** What was built and what can be done with it, in a few lines ending in a newline. */
export function formatSummary(built: Built, { color, pushed }: SummaryOptions): string {
  const names = built.names.map(shownName);
  const what = names.length === 0 ? 'image without a name' : names.join(', ');
  const lines = [
    paint('bold', `Built ${what} in ${formatSeconds(built.seconds)}`, color),
    `  image   ${built.image}`,
    ...(built.platforms === undefined ? [] : [`  for     ${built.platforms.join(', ')}`]),
    `  layers  ${built.layers} (${formatBytes(built.size)} uncompressed)`,
    `  cache   ${count(built.hits, 'hit')}, ${count(built.misses, 'miss', 'misses')}`,
  ];
  const next = nextStep(names[0], pushed);
  if (next !== undefined) lines.push(`  next    ${next}`);
  return `${lines.join('\n')}\n`;
}

function nextStep(name: string | undefined, pushed: boolean): string | undefined {
  if (pushed) return undefined;
  return name === undefined ? 'name it with -t NAME to keep and push it' : `tsbuild push ${name}`;
}

import type { AllowedDevices, Entitlement } from '../graph/lower/lowering.js';
import { TsbuildError } from '../util/errors.js';

export const entitlements = ['network.host', 'security.insecure'] as const satisfies readonly Entitlement[];

/** What `--allow` grants. */
export interface Allowed {
  readonly entitlements: ReadonlySet<Entitlement>;
  readonly devices: AllowedDevices;
}

/**
 * `--allow` as buildx takes it: entitlements, `device` for all devices and `device=NAME[,alias=OTHER]` for one, which the
 * Dockerfile may call by the alias. Several may be joined by commas. Throws `usage`.
 */
export function parseAllow(texts: readonly string[]): Allowed {
  const granted = new Set<Entitlement>();
  const names = new Map<string, string>();
  let all = false;
  for (const [word, alias] of texts.flatMap(splitList)) {
    const device = /^device(?:=(.*))?$/.exec(word);
    if (device === null) granted.add(entitlement(word));
    else if (device[1] === undefined || device[1] === '') all = true;
    else names.set(alias ?? device[1], device[1]);
  }
  return { entitlements: granted, devices: { all, names } };
}

type Item = readonly [word: string, alias: string | undefined];

/** An alias belongs to the device before it. */
function splitList(text: string): readonly Item[] {
  const items: Item[] = [];
  for (const word of text.split(',')) {
    const alias = /^alias=(.+)$/.exec(word)?.[1];
    const [before] = items.at(-1) ?? [''];
    if (alias !== undefined && before.startsWith('device=')) items[items.length - 1] = [before, alias];
    else items.push([word, undefined]);
  }
  return items;
}

function entitlement(text: string): Entitlement {
  const found = entitlements.find((known) => known === text);
  if (found !== undefined) return found;
  throw new TsbuildError('usage', `--allow does not know ${JSON.stringify(text)}`, {
    hint: `it takes ${entitlements.join(', ')}, device or device=NAME`,
  });
}

import { controlArguments } from '../../parser/control-arguments.js';
import { expandWord, type Scope } from '../../parser/expand.js';
import type { ArgInstruction } from '../../parser/types.js';
import { formatPlatform, type Platform } from '../../oci/platform.js';
import type { Escape } from '../../parser/words.js';

/** Proxies reach RUN without an ARG and are in no key and no history (Dockerfile reference, "Predefined ARGs"). */
const proxyNames = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'];

export function isProxy(name: string): boolean {
  return proxyNames.includes(name.toUpperCase());
}

/** Whether a build argument needs no ARG to have an effect. */
export function isPredefined(name: string): boolean {
  return isProxy(name) || controlArguments.includes(name);
}

/** `NAME=value` of the proxies among the build arguments, each in both cases. */
export function proxyVariables(buildArgs: ReadonlyMap<string, string>): readonly string[] {
  return [...buildArgs]
    .filter(([name]) => isProxy(name))
    .flatMap(([name, value]) => [`${name.toUpperCase()}=${value}`, `${name.toLowerCase()}=${value}`]);
}

export interface AutomaticArguments {
  readonly build: Platform;
  readonly target: Platform;
  /** Name of the target stage, the last stage's name, or `default`. */
  readonly targetStage: string;
}

/** The arguments that exist in the global scope without being declared. */
export function automaticArguments({
  build,
  target,
  targetStage,
}: AutomaticArguments): ReadonlyMap<string, string> {
  return new Map([
    ...platformArguments('BUILD', build),
    ...platformArguments('TARGET', target),
    ['TARGETSTAGE', targetStage],
  ]);
}

function platformArguments(prefix: string, platform: Platform): [string, string][] {
  return [
    [`${prefix}PLATFORM`, formatPlatform(platform)],
    [`${prefix}OS`, platform.os],
    [`${prefix}OSVERSION`, platform.osVersion ?? ''],
    [`${prefix}ARCH`, platform.architecture],
    [`${prefix}VARIANT`, platform.variant ?? ''],
  ];
}

/** Values of the ARGs before the first FROM; each sees the ones before it. A build argument wins over a default. */
export function globalArguments(
  instructions: readonly ArgInstruction[],
  automatic: ReadonlyMap<string, string>,
  { buildArgs, escape }: { readonly buildArgs: ReadonlyMap<string, string>; readonly escape: Escape },
): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of automatic) values.set(name, buildArgs.get(name) ?? value);
  for (const { args } of instructions) {
    for (const { name, value } of args) {
      const given = buildArgs.get(name);
      if (given !== undefined) values.set(name, given);
      else if (value !== undefined) values.set(name, expandWord(value, mapScope(values), escape));
    }
  }
  return values;
}

export function mapScope(values: ReadonlyMap<string, string>, onUndefined?: (name: string) => void): Scope {
  return { get: (name) => values.get(name), ...(onUndefined === undefined ? {} : { onUndefined }) };
}

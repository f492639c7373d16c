import { formatPlatform, parsePlatform, type Platform } from '../../oci/platform.js';

/**
 * `linux/arm64 `: what a name of a step begins with when several platforms are built. A step of one platform that is
 * told to build for another (`ARG TARGETARCH`) says so as BuildKit does: `linux/amd64->arm64 `.
 */
export function platformPrefix(own: Platform, variables: ReadonlyMap<string, string>): string {
  const target = targetOf(own, variables);
  const arrow = target === undefined ? '' : arrowTo(own, target);
  return `${formatPlatform(own)}${arrow} `;
}

function targetOf(own: Platform, variables: ReadonlyMap<string, string>): Platform | undefined {
  const whole = variables.get('TARGETPLATFORM');
  const [os, architecture, variant] = ['TARGETOS', 'TARGETARCH', 'TARGETVARIANT'].map((name) =>
    variables.get(name),
  );
  if (whole === undefined && os === undefined && architecture === undefined) return undefined;
  const text = [os || own.os, architecture || own.architecture, variant || undefined]
    .filter(Boolean)
    .join('/');
  try {
    return parsePlatform(whole ?? text);
  } catch {
    // A value that the user gave for another purpose.
    return undefined;
  }
}

function arrowTo(own: Platform, target: Platform): string {
  const [from, to] = [formatPlatform(own), formatPlatform(target)];
  if (from === to) return '';
  return own.os === target.os ? `->${to.slice(target.os.length + 1)}` : `->${to}`;
}

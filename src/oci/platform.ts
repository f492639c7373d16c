import { TsbuildError } from '../util/errors.js';

/** image-spec image-index.md, "platform". */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
  readonly osVersion?: string | undefined;
}

const part = /^[a-z0-9_.-]+$/;
const architectures: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  x64: ['amd64'],
  x86_64: ['amd64'],
  'x86-64': ['amd64'],
  aarch64: ['arm64'],
  armhf: ['arm', 'v7'],
  armel: ['arm', 'v6'],
  i386: ['386'],
};

/** Platform of the machine that builds. */
export function hostPlatform(): Platform {
  const names: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };
  return { os: 'linux', architecture: names[process.arch] ?? process.arch };
}

/** Parses `os/arch[/variant]` or `arch`, normalised as containerd's platforms package does. Throws `usage`. */
export function parsePlatform(text: string): Platform {
  const parts = text.trim().toLowerCase().split('/');
  if (parts.length > 3 || parts.some((p) => !part.test(p))) {
    throw new TsbuildError('usage', `invalid platform ${JSON.stringify(text)}`, {
      hint: 'use the form os/architecture[/variant], such as linux/amd64 or linux/arm/v7',
    });
  }
  const [first = '', second, third] = parts;
  if (second === undefined)
    return first === 'linux' ? { ...hostPlatform(), os: first } : normalise('linux', first);
  return normalise(first, second, third);
}

function normalise(os: string, architecture: string, variant?: string): Platform {
  const [name, implied] = architectures[architecture] ?? [architecture];
  const given = variant ?? implied ?? (name === 'arm' ? 'v7' : undefined);
  const kept =
    name === 'arm64' && (given === 'v8' || given === '8')
      ? undefined
      : name === 'amd64' && given === 'v1'
        ? undefined
        : given;
  return {
    os,
    architecture: name,
    ...(kept === undefined ? {} : { variant: /^\d/.test(kept) ? `v${kept}` : kept }),
  };
}

/** `linux/amd64`, `linux/arm/v7`. */
export function formatPlatform(platform: Platform): string {
  return [platform.os, platform.architecture, ...(platform.variant ? [platform.variant] : [])].join('/');
}

export function equalPlatforms(a: Platform, b: Platform): boolean {
  return formatPlatform(a) === formatPlatform(b);
}

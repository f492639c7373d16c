import { TsbuildError } from '../util/errors.js';

/** image-spec image-index.md, "platform". */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
  readonly osVersion?: string | undefined;
}

const part = /^[a-z0-9_.-]+$/;
const architectures: ReadonlyMap<string, readonly [architecture: string, variant?: string]> = new Map([
  ['x64', ['amd64']],
  ['x86_64', ['amd64']],
  ['x86-64', ['amd64']],
  ['aarch64', ['arm64']],
  ['armhf', ['arm', 'v7']],
  ['armel', ['arm', 'v6']],
  ['i386', ['386']],
]);

/** What a word alone may name besides `architectures`: containerd takes no other. */
const knownArchitectures =
  '386 amd64 amd64p32 arm armbe arm64 arm64be loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le ' +
  'ppc ppc64 ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm';

/** Platform of the machine that builds. */
export function hostPlatform(): Platform {
  const names: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };
  return { os: 'linux', architecture: names[process.arch] ?? process.arch };
}

/** Parses `os/arch[/variant]` or `arch`, normalised as containerd's platforms package does. Throws `usage`. */
export function parsePlatform(text: string): Platform {
  const parts = text.trim().toLowerCase().split('/');
  const [first = '', second, third] = parts;
  const isWord = second !== undefined || first === 'linux' || isArchitecture(first);
  if (parts.length > 3 || parts.some((p) => !part.test(p)) || !isWord) {
    throw new TsbuildError('usage', `invalid platform ${JSON.stringify(text)}`, {
      hint: 'use the form os/architecture[/variant], such as linux/amd64 or linux/arm/v7',
    });
  }
  if (second === undefined)
    return first === 'linux' ? { ...hostPlatform(), os: first } : normalise('linux', first);
  return normalise(first, second, third);
}

function isArchitecture(word: string): boolean {
  return architectures.has(word) || knownArchitectures.split(' ').includes(word);
}

function normalise(os: string, architecture: string, variant?: string): Platform {
  const [name, implied] = architectures.get(architecture) ?? [architecture];
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

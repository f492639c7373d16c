/** What kaniko's executor was told, as arguments of `tsbuild build`. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseReference } from '../oci/reference.js';
import { TsbuildError } from '../util/errors.js';
import type { kanikoOptions } from './kaniko-options.js';
import type { OptionValues } from './option-table.js';

export type KanikoValues = OptionValues<typeof kanikoOptions>;

export interface KanikoContext {
  /** What `tsbuild build` takes: a folder, a URL, or `-` for a tar on standard input. */
  readonly context: string;
  /** A file to be read as standard input. */
  readonly stdin: string | undefined;
}

/** Throws `usage`, and `unsupported` for buckets. */
export function kanikoContext(values: KanikoValues): KanikoContext {
  const { context = '/workspace' } = values;
  const below = values['context-sub-path'] ?? '';
  const [, scheme = 'dir', rest = context] = /^([a-z0-9]+):\/\/(.*)$/s.exec(context) ?? [];
  if (scheme === 'dir') return { context: join(rest, below), stdin: undefined };
  if (scheme !== 'tar' && scheme !== 'git' && scheme !== 'https' && scheme !== 'http') {
    throw new TsbuildError('unsupported', `a build context at ${scheme}:// is not supported`, {
      hint: 'fetch it first, and give its folder or archive',
    });
  }
  if (scheme === 'git') return { context: gitUrl(rest, below), stdin: undefined };
  if (below !== '') {
    throw new TsbuildError('unsupported', '--context-sub-path is for folders and git repositories', {
      hint: 'unpack the archive first, and give its folder',
    });
  }
  if (scheme !== 'tar') return { context, stdin: undefined };
  return { context: '-', stdin: rest === 'stdin' ? undefined : rest };
}

/** kaniko: `host/repository.git[#reference[#commit]]`, over https. */
function gitUrl(rest: string, below: string): string {
  const [repository = '', reference, commit] = rest.split('#');
  const place = commit ?? reference ?? '';
  const fragment = `${place}${below === '' ? '' : `:${below}`}`;
  const url = `https://${repository.replace(/\.git$/, '')}.git`;
  return fragment === '' ? url : `${url}#${fragment}`;
}

/** As kaniko finds it: relative to the working directory, else in the context. */
function dockerfileOf(
  { dockerfile }: KanikoValues,
  { context }: KanikoContext,
  cwd: string,
): string | undefined {
  if (dockerfile === undefined) return undefined;
  if (context === '-' || context.includes('://')) return dockerfile;
  const here = resolve(cwd, dockerfile);
  return existsSync(here) ? here : join(context, dockerfile);
}

/** Arguments for the options of `tsbuild build`. Throws `usage`. */
export function kanikoArgs(values: KanikoValues, context: KanikoContext, cwd: string): readonly string[] {
  const { destination, reproducible } = values;
  if (destination.length === 0 && !values['no-push']) {
    throw new TsbuildError('usage', 'there is no --destination', { hint: 'give one, or --no-push' });
  }
  return [
    ...one('--file', dockerfileOf(values, context, cwd)),
    ...destination.map((name) => `--tag=${name}`),
    ...one('--target', values.target),
    ...values['build-arg'].map((pair) => `--build-arg=${pair}`),
    ...values.label.map((pair) => `--label=${pair}`),
    ...values.annotation.map((pair) => `--annotation=${pair}`),
    ...values.secret.map((secret) => `--secret=${secret}`),
    ...one('--platform', values['custom-platform']),
    ...(values['single-snapshot'] ? ['--squash'] : []),
    ...(reproducible ? ['--source-date-epoch=0'] : []),
    ...outputs(values),
    ...cacheArgs(values),
    ...registryArgs(values),
    ...progressArgs(values),
  ];
}

function one(option: string, value: string | undefined): readonly string[] {
  return value === undefined || value === '' ? [] : [`${option}=${value}`];
}

function outputs(values: KanikoValues): readonly string[] {
  const { compression } = values;
  const level = values['compression-level'];
  const form = [
    ...(compression === undefined ? [] : [`compression=${compression}`]),
    ...(level === undefined || level === '-1' ? [] : [`compression-level=${level}`]),
  ];
  const [archive, layout] = [values['tar-path'], values['oci-layout-path']];
  return [
    ...(values['no-push'] ? [] : [csv(['type=image', 'push=true', ...form])]),
    ...(archive === undefined ? [] : [csv(['type=docker', `dest=${archive}`])]),
    ...(layout === undefined ? [] : [csv(['type=oci', 'tar=false', `dest=${layout}`, ...form])]),
  ].map((output) => `--output=${output}`);
}

function csv(fields: readonly string[]): string {
  return fields.map((field) => (/[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',');
}

function cacheArgs(values: KanikoValues): readonly string[] {
  const ttl = one('--cache-ttl', values['cache-ttl']);
  if (!values.cache) return ttl;
  const repository = values['cache-repo'] ?? defaultCache(values.destination);
  const place = `type=registry,ref=${repository}`;
  const push = values['no-push-cache'] ? [] : [`--cache-to=${place},mode=max,ignore-error=true`];
  return [...ttl, `--cache-from=${place}`, ...push];
}

function defaultCache([first]: readonly string[]): string {
  if (first !== undefined) {
    const { registry, repository } = parseReference(first);
    return `${registry}/${repository}/cache`;
  }
  throw new TsbuildError('usage', '--cache needs a place', { hint: 'give --cache-repo, or a --destination' });
}

function registryArgs(values: KanikoValues): readonly string[] {
  const everywhere = values['insecure-pull'] || values['skip-tls-verify-pull'];
  const destinations = values.insecure || values['skip-tls-verify'] ? values.destination : [];
  const insecure = [
    ...destinations.map((name) => parseReference(name).registry),
    ...values['insecure-registry'],
    ...values['skip-tls-verify-registry'],
  ];
  const mirrors = [...values['registry-map'].flatMap((map) => map.split(';')), ...values['registry-mirror']];
  const retries = [values['push-retry'], values['image-download-retry']]
    .map(Number)
    .filter((count) => count > 0);
  return [
    ...(everywhere ? ['--tls-verify=false'] : insecure.map((host) => `--insecure-registry=${host}`)),
    ...values['registry-certificate'].map((pair) => `--registry-ca=${pair}`),
    ...values['registry-client-cert'].map((pair) => `--registry-client-cert=${pair}`),
    ...mirrors.filter((text) => text !== '').map((text) => `--registry-mirror=${text}`),
    ...(retries.length === 0 ? [] : [`--retry=${Math.max(...retries)}`]),
  ];
}

function progressArgs(values: KanikoValues): readonly string[] {
  if (['panic', 'fatal', 'error'].includes(values.verbosity ?? '')) return ['--progress=quiet'];
  if (values['log-format'] === undefined && values.verbosity === undefined) return [];
  return [`--progress=${values['log-format'] === 'json' ? 'rawjson' : 'plain'}`];
}

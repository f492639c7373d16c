import { isIP } from 'node:net';
import { TsbuildError } from '../util/errors.js';

/** A secret by its id, and where its bytes are. They are read when a step needs them. */
export interface SecretRequest {
  readonly id: string;
  readonly source:
    { readonly kind: 'file'; readonly path: string } | { readonly kind: 'env'; readonly name: string };
}

/** `NAME=VALUE`; without `=` the value is empty. Throws `usage` for an empty name. */
export function splitPair(option: string, text: string): [name: string, value: string] {
  const equals = text.indexOf('=');
  const name = equals === -1 ? text : text.slice(0, equals);
  if (name === '') throw new TsbuildError('usage', `${option} has no name: ${JSON.stringify(text)}`);
  return [name, equals === -1 ? '' : text.slice(equals + 1)];
}

/**
 * `id=ID[,type=file|env][,src=FILE][,env=NAME]`. Without a source it is the environment variable or file named ID,
 * as with buildx: `type=env` makes it the variable. Throws `usage`.
 */
export function parseSecret(text: string): SecretRequest {
  const fields = new Map<string, string>();
  for (const field of text.split(',')) {
    const [key = '', ...rest] = field.split('=');
    const value = rest.join('=');
    const name = aliases[key.toLowerCase()];
    if (name === undefined) throw badSecret(text, 'its fields are id, type, src and env');
    fields.set(name, value);
  }
  const id = fields.get('id') ?? '';
  if (id === '') throw badSecret(text, 'it needs an id');
  return { id, source: secretSource(id, fields, text) };
}

const aliases: Readonly<Record<string, string>> = {
  id: 'id',
  type: 'type',
  src: 'src',
  source: 'src',
  env: 'env',
};

function secretSource(
  id: string,
  fields: ReadonlyMap<string, string>,
  text: string,
): SecretRequest['source'] {
  const type = fields.get('type');
  const file = fields.get('src');
  const name = fields.get('env');
  if (type !== undefined && type !== 'file' && type !== 'env')
    throw badSecret(text, 'its type is file or env');
  if (file !== undefined && name !== undefined) throw badSecret(text, 'it has two sources');
  if (name !== undefined) return { kind: 'env', name };
  if (type === 'env') return { kind: 'env', name: file ?? id };
  return { kind: 'file', path: file ?? id };
}

/** The text is not repeated: it may hold a secret by mistake. */
function badSecret(text: string, why: string): TsbuildError {
  const id = /(?:^|,)id=([^,]*)/.exec(text)?.[1];
  const which = id === undefined || id === '' ? '' : ` for ${JSON.stringify(id)}`;
  return new TsbuildError('usage', `wrong --secret${which}: ${why}`, {
    hint: 'write --secret id=ID,src=FILE or --secret id=ID,env=NAME',
  });
}

/** `NAME:ADDRESS` or `NAME=ADDRESS`; an IPv6 address may stand in brackets. Throws `usage`. */
export function parseAddHost(text: string): [name: string, address: string] {
  const match = /^([^:=\s]+)[:=]\[?([^\]]+)\]?$/.exec(text);
  const [, name, address] = match ?? [];
  if (name !== undefined && address !== undefined && isIP(address) !== 0) return [name, address];
  throw new TsbuildError('usage', `wrong --add-host ${JSON.stringify(text)}`, {
    hint: 'write --add-host NAME:ADDRESS with an IP address',
  });
}

import { createHmac, randomBytes } from 'node:crypto';
import { hexOf, type Digest } from '../../oci/digest.js';
import type { StepIdentity } from '../types.js';

/** Makes the salt of a new cache. It lies beside the records: it keeps what was computed for one cache from fitting another. */
export function newSalt(): string {
  return randomBytes(16).toString('base64url');
}

/** The salt of records that are part of something that must be the same when it is made again. */
export function saltOf(name: Digest): string {
  return Buffer.from(hexOf(name), 'hex').subarray(0, 16).toString('base64url');
}

export function isSalt(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9_-]{22}$/.test(value);
}

/** What a digest in a record may look like. */
export function isSalted(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9_-]{22}$/.test(value);
}

/** The name of a record in a remote cache: says nothing of the recipe to who does not have it. */
export function saltedKey(salt: string, key: Digest): string {
  return salted(salt, ['key', key]);
}

/** Stands for the value of a part of a recipe. */
export function saltedPart(salt: string, label: string, value: string): string {
  return salted(salt, ['part', label, value]);
}

/** Stand for a step by its text and by its place. The path of its Dockerfile differs between machines and is left out. */
export function saltedStep(salt: string, { stage, instruction, place }: StepIdentity): SaltedStep {
  return { text: salted(salt, ['text', stage, instruction]), place: salted(salt, ['place', stage, place]) };
}

export interface SaltedStep {
  readonly text: string;
  readonly place: string;
}

/** Names a folder of RUN --mount=type=cache. */
export function saltedMount(salt: string, parts: readonly string[]): string {
  return salted(salt, ['mount', ...parts]);
}

/** 132 bits of an HMAC: no two inputs of all caches together will meet. */
function salted(salt: string, parts: readonly string[]): string {
  return createHmac('sha256', salt).update(JSON.stringify(parts)).digest('base64url').slice(0, 22);
}

/** Labels that hold nothing but words of ours and names of variables. */
const plainLabel = /^(?:variable .*|-{0,2}[a-z]+(?:[ -][a-z]+)*(?: \d+)?)$/s;
/** Labels whose end is written by the user, who may have put a variable there. */
const openLabel = /^(?:files of|path of|mount|secret|ssh|file|heredoc)\b/;

/** A label with what a variable could have gone into left out. */
export function saltedLabel(salt: string, label: string): string {
  if (plainLabel.test(label) && !openLabel.test(label)) return label;
  const [head = ''] = openLabel.exec(label) ?? [];
  return `${head} ${salted(salt, ['label', label])}`.trim();
}

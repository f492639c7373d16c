import { PathError } from './path-error.js';
import { play } from './player.js';
import { addressOf, type Operation, type Program } from './program.js';

/** Paths per spawn: some 100 bytes of program per path. */
const batchSize = 8192;
/** Room for all values of one spawn; the kernel's limit for one value is 64 KiB (XATTR_SIZE_MAX). */
const roomPerSpawn = 16 << 20;

/**
 * Extended attributes of files, symbolic links not followed. Paths are absolute byte strings; paths without
 * attributes, or on a file system without them, are left out of the answer. Names are byte strings. An attribute
 * that vanishes meanwhile is left out. Throws PathError when a path cannot be read.
 */
export async function readXattrs(
  paths: readonly string[],
): Promise<ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>> {
  const result = new Map<string, Map<string, Uint8Array>>();
  for (const { path, bytes } of await readSized(paths.map((path) => ({ path })))) {
    result.set(path, new Map(namesOf(bytes).map((name) => [name, new Uint8Array()])));
  }
  const wanted = [...result].flatMap(([path, values]) => [...values.keys()].map((name) => ({ path, name })));
  const read = new Set<string>();
  for (const { path, name = '', bytes } of await readSized(wanted)) {
    result.get(path)?.set(name, bytes);
    read.add(`${path}\0${name}`);
  }
  for (const { path, name } of wanted) if (!read.has(`${path}\0${name}`)) result.get(path)?.delete(name);
  return new Map([...result].filter(([, values]) => values.size > 0));
}

/** What one lgetxattr or, without a name, llistxattr is asked for. */
interface Question {
  readonly path: string;
  readonly name?: string;
}
interface Answer extends Question {
  readonly bytes: Uint8Array;
}

const errno = { ERANGE: 34, ENODATA: 61, EOPNOTSUPP: 95 } as const;

/** So many are asked for this many bytes at once, which suffices for most: that saves a spawn. */
const fewQuestions = 1024;
const guessedSize = 256;

/**
 * Asks for sizes first, then for that many bytes each. Lists of size 0 and absent values have no answer; an
 * attribute that grew in between is asked for again.
 */
async function readSized(questions: readonly Question[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  let open = questions;
  let guess = open.length <= fewQuestions;
  while (open.length > 0) {
    const again: Question[] = [];
    const sizes = guess ? open.map((question) => ({ question, size: guessedSize })) : await sizesOf(open);
    const sized = sizes.filter(({ question, size }) => size > 0 || question.name !== undefined);
    guess = false;
    for (const batch of batchesOf(sized)) {
      for (const { question, bytes } of await bytesOf(batch)) {
        if (bytes === undefined) again.push(question);
        else if (bytes.length > 0 || question.name !== undefined) answers.push({ ...question, bytes });
      }
    }
    open = again;
  }
  return answers;
}

interface Sized {
  readonly question: Question;
  readonly size: number;
}

async function sizesOf(questions: readonly Question[]): Promise<Sized[]> {
  const sizes: Sized[] = [];
  for (let start = 0; start < questions.length; start += batchSize) {
    const batch = questions.slice(start, start + batchSize);
    const results = await ask(batch.map((question) => ({ question, size: 0 })));
    batch.forEach((question, index) => {
      const size = Number(results.readBigInt64LE(index * 8));
      if (size >= 0) sizes.push({ question, size });
      else if (!absent(-size)) throw questionError(question, -size);
    });
  }
  return sizes;
}

/** `bytes` is undefined where the room did not suffice any more. */
async function bytesOf(
  batch: readonly Sized[],
): Promise<{ question: Question; bytes: Uint8Array | undefined }[]> {
  const results = await ask(batch);
  const found: { question: Question; bytes: Uint8Array | undefined }[] = [];
  let at = batch.length * 8;
  batch.forEach(({ question, size }, index) => {
    const length = Number(results.readBigInt64LE(index * 8));
    if (length >= 0) found.push({ question, bytes: Uint8Array.from(results.subarray(at, at + length)) });
    else if (-length === errno.ERANGE) found.push({ question, bytes: undefined });
    else if (!absent(-length)) throw questionError(question, -length);
    at += size;
  });
  return found;
}

/** Plays one call per question; answers with all results (8 bytes each), then all rooms. */
function ask(batch: readonly Sized[]): Promise<Buffer> {
  const results = batch.length * 8;
  const room = batch.reduce((sum, { size }) => sum + size, 0);
  let at = results;
  const operations = batch.map(({ question: { path, name }, size }, index): Operation => {
    const target = addressOf('memory', at);
    at += size;
    const result = { slot: 'memory', offset: index * 8 };
    if (name === undefined)
      return { call: 'llistxattr', args: [path, target, size], tolerate: 'any', result };
    return { call: 'lgetxattr', args: [path, name, target, size], tolerate: 'any', result };
  });
  return play(batchProgram(operations, results + room));
}

function batchProgram(operations: readonly Operation[], size: number): Program {
  const memory = addressOf('memory');
  return {
    operations: [...operations, ...writeAll(memory.slot, size), { call: 'exit_group', args: [0] }],
    slots: { memory: size },
  };
}

/** A write to a socket may be cut short only by a signal; pieces keep each far below what the kernel takes at once. */
function writeAll(slot: string, size: number): Operation[] {
  const piece = 1 << 20;
  return Array.from({ length: Math.ceil(size / piece) }, (_, index): Operation => ({
    call: 'write',
    args: [1, addressOf(slot, index * piece), Math.min(piece, size - index * piece)],
  }));
}

function* batchesOf(sized: readonly Sized[]): Generator<Sized[]> {
  let batch: Sized[] = [];
  let room = 0;
  for (const next of sized) {
    if (batch.length === batchSize || (room + next.size > roomPerSpawn && batch.length > 0)) {
      yield batch;
      batch = [];
      room = 0;
    }
    batch.push(next);
    room += next.size;
  }
  if (batch.length > 0) yield batch;
}

function absent(code: number): boolean {
  return code === errno.ENODATA || code === errno.EOPNOTSUPP;
}

function namesOf(list: Uint8Array): string[] {
  return Buffer.from(list).toString('latin1').split('\0').slice(0, -1);
}

function questionError({ path, name }: Question, code: number): PathError {
  return new PathError(name === undefined ? 'llistxattr' : 'lgetxattr', path, code);
}

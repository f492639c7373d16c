/** Random words of ENV, expanded by BuildKit and by ours: the values must be equal, and the same words refused. */
import test from 'ava';
import fc from 'fast-check';
import { expandWord } from '../../src/parser/expand.js';
import { TsbuildError } from '../../src/util/errors.js';
import { readImageFacts } from '../helpers/image-facts.js';
import { forget, startBuildkit } from '../helpers/references.js';
import { hasCommandLine, makeWorkspace } from '../helpers/tsbuild.js';

const buildkit = await startBuildkit();
test.after.always(() => buildkit?.stop());
const it = hasCommandLine && buildkit !== undefined ? test.serial : test.serial.skip;

const variables = new Map([
  ['A', 'a/b.c/d'],
  ['B', ''],
  ['V', 'aab*?\\'],
  ['W', '한국'],
]);
const pieces = fc.constantFrom(
  '$', '${', '}', 'a', 'A', 'B', 'V', 'W', '$A', '${A', '$B', '${V', '${N', ':-', '-', ':+', '+', ':?', '?', '#', '##', '%', '%%', '/',
  '//', '*', '[', ']', '\\', '"', "'", ' ', '.', '}', '_', '1', '@', 'é', '`', '|', '\\*', '\\}', '\\/',
); // prettier-ignore
const words = fc.array(pieces, { minLength: 1, maxLength: 14 }).map((parts) => parts.join('').trim());

/** Not a comment, a flag, a continuation or a heredoc. */
const isOneWord = (word: string): boolean => /^(?!#|--)[^]*[^\\]$/.test(word) && !word.includes('<<');

function expanded(word: string): string | undefined {
  try {
    return expandWord(word, { get: (name) => variables.get(name) }, '\\');
  } catch (error) {
    if (error instanceof TsbuildError) return undefined;
    throw error;
  }
}

const drawn = [...new Set(fc.sample(words, { seed: 3, numRuns: 1500 }))].filter(isOneWord);

/** What BuildKit makes of words in the old form of ENV, which takes the rest of the line as it is; by name. */
async function theirs(list: readonly string[]): Promise<ReadonlyMap<string, string> | undefined> {
  const lines = list.map((word, index) => `ENV R${index} ${word}`);
  const given = Array.from(variables, ([name, value]) => `ENV ${name}='${value}'`);
  const workspace = makeWorkspace('words');
  workspace.write({ 'context/Dockerfile': ['FROM scratch', ...given, ...lines, ''].join('\n') });
  const built = await buildkit?.build({ context: workspace.path('context') });
  await workspace.remove();
  if (built?.code !== 0) return undefined;
  const facts = await readImageFacts(built.image);
  forget(built.image);
  const env = facts.filter(({ subject }) => subject.startsWith('config.Env['));
  return new Map(
    env.map(({ value }) => {
      const [, name = '', text = ''] = /^([^=]*)=([^]*)$/.exec(JSON.parse(value) as string) ?? [];
      return [name, text];
    }),
  );
}

it('words that ours expands have the same values', async (t) => {
  const good = drawn.filter((word) => expanded(word) !== undefined).slice(0, 400);
  const values = await theirs(good);
  t.deepEqual(
    good.map((word, index) => [word, values?.get(`R${index}`)]),
    good.map((word) => [word, expanded(word)]),
  );
});

it('words that ours refuses are refused', async (t) => {
  const bad = drawn.filter((word) => expanded(word) === undefined).slice(0, 8);
  for (const word of bad) t.is(await theirs([word]), undefined, word);
});

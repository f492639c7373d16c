/** What must hold for any input: an answer or a TsbuildError, and nothing else. */
import fc from 'fast-check';
import { lower } from '../../src/graph/lower/lower.js';
import type { ResolvedImage } from '../../src/graph/lower/lowering.js';
import { digestOf } from '../../src/oci/digest.js';
import { assertBuildable } from '../../src/parser/assert-buildable.js';
import { expandHeredoc, expandWord, expandWords } from '../../src/parser/expand.js';
import { maxValueLength } from '../../src/parser/scope.js';
import { createIgnoreMatcher, parseIgnoreFile } from '../../src/parser/ignore.js';
import { lint } from '../../src/parser/lint/lint.js';
import { parseDockerfile } from '../../src/parser/parse.js';
import { parseTrigger } from '../../src/parser/trigger.js';
import { TsbuildError } from '../../src/util/errors.js';
import { anyPath, anyPattern, anyText, anyWord, likelyFile } from './texts.js';

/** One law of one part; `part` is what a long run takes its time for. */
export interface FuzzProperty {
  readonly part: 'parser' | 'expansion' | 'ignore';
  readonly title: string;
  readonly property: fc.IAsyncProperty<[readonly string[]]>;
}

/** True when the work answers or throws a TsbuildError. */
function answers(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch (error) {
    return error instanceof TsbuildError;
  }
}

const either = fc.oneof(anyText, likelyFile);
const platform = { os: 'linux', architecture: 'amd64' };

function image(name: string): ResolvedImage {
  const config = { ...platform, rootfs: { type: 'layers', diff_ids: [] } } as const;
  return { name, configDigest: digestOf(name), config, layers: [] };
}

async function lowers(text: string): Promise<boolean> {
  const dockerfile = parseDockerfile({ name: 'fuzz', text });
  try {
    assertBuildable(dockerfile);
    await lower({
      dockerfile,
      identity: '/fuzz',
      platform,
      buildPlatform: platform,
      buildArgs: new Map(),
      labels: new Map(),
      ignoreCache: () => false,
      resolveImage: (name) => Promise.resolve(image(name)),
    });
    return true;
  } catch (error) {
    return error instanceof TsbuildError;
  }
}

function liesInside(source: string): boolean {
  const dockerfile = parseDockerfile({ name: 'fuzz', text: source });
  const lines = source.split('\n').length;
  return [...dockerfile.diagnostics, ...lint(dockerfile)].every(
    ({ range, message }) =>
      message !== '' && range.startLine >= 1 && range.startLine <= range.endLine && range.endLine <= lines,
  );
}

/** An error in the text is an error of the build, whatever else the file holds. */
function refusesErrors(text: string): boolean {
  const dockerfile = parseDockerfile({ name: 'fuzz', text });
  const broken = dockerfile.diagnostics.some(({ severity }) => severity === 'error');
  try {
    assertBuildable(dockerfile);
    return !broken && dockerfile.stages.length > 0;
  } catch (error) {
    return broken && error instanceof TsbuildError && error.code === 'dockerfile';
  }
}

function triggerIsKept(body: string): boolean {
  const { stages, diagnostics, directives } = parseDockerfile({
    name: 'fuzz',
    text: `FROM a\nONBUILD ${body}`,
  });
  const [onbuild] = stages[0]?.instructions ?? [];
  if (onbuild?.kind !== 'ONBUILD' || diagnostics.length > 0 || directives.escape !== '\\') return true;
  const { range: _range, comments: _comments, ...first } = onbuild.instruction;
  const { range: _again, comments: _others, ...again } = parseTrigger(onbuild.trigger);
  return JSON.stringify(first) === JSON.stringify(again);
}

function inOrder(body: string): boolean {
  const { stages, diagnostics } = parseDockerfile({ name: 'fuzz', text: `FROM a\n${body}` });
  if (diagnostics.some(({ severity }) => severity === 'error')) return true;
  const starts = stages.flatMap(({ from, instructions }) =>
    [from, ...instructions].map(({ range }) => range.startLine),
  );
  return stages.length > 0 && starts.every((line, index) => index === 0 || line > (starts[index - 1] ?? 0));
}

function expands(word: string, value: string): boolean {
  const scope = { get: (name: string) => (name === 'A' ? value : name === 'B' ? '' : undefined) };
  return (['\\', '`'] as const).every((escape) =>
    answers(() => {
      const text = expandWord(word, scope, escape);
      if (text.length > maxValueLength + value.length) throw new Error('the value grew beyond its limit');
      expandWords(word, scope, escape);
      expandHeredoc(word, scope);
    }),
  );
}

function matches(pattern: string, path: string): boolean {
  return (
    answers(() => createIgnoreMatcher([pattern]).match(path)) &&
    answers(() => {
      const matcher = parseIgnoreFile(`${pattern}\n!${pattern}a\n`);
      matcher.match(path);
      matcher.mayIncludeBelow(path);
    })
  );
}

/** A law of texts that are drawn together. */
function law(
  [part, title]: readonly [FuzzProperty['part'], string],
  texts: readonly fc.Arbitrary<string>[],
  holds: (first: string, second: string) => boolean | Promise<boolean>,
): FuzzProperty {
  const property = fc.asyncProperty(fc.tuple(...texts), async ([first = '', second = '']) =>
    holds(first, second),
  );
  return { part, title, property };
}

const longValue = fc.constant('aab/'.repeat(200));
const deepPath = fc.constant('a/'.repeat(100));

export const properties: readonly FuzzProperty[] = [
  law(['parser', 'diagnostics lie inside the text'], [either], liesInside),
  law(['parser', 'a file with an error is refused'], [either], refusesErrors),
  law(['parser', 'instructions lie in order'], [anyText], inOrder),
  law(['parser', 'a trigger parses or is refused'], [anyText], (text) => answers(() => parseTrigger(text))),
  law(['parser', 'a trigger parses to the same instruction again'], [anyText], triggerIsKept),
  law(['parser', 'a file is lowered or refused'], [either], lowers),
  law(
    ['expansion', 'a word expands or is refused, and stays small'],
    [anyWord, fc.oneof(anyWord, longValue)],
    expands,
  ),
  law(
    ['ignore', 'a pattern matches, does not, or is refused'],
    [anyPattern, fc.oneof(anyPath, deepPath)],
    matches,
  ),
];

import { InstructionError } from '../instruction-error.js';
import { parseJsonForm } from '../json-form.js';
import { didYouMean, nearest } from '../suggest.js';
import type { StageInstruction } from '../types.js';
import { cutBlanks, trim } from '../white-space.js';
import type { Escape } from '../words.js';
import { parseCmd, parseEntrypoint, parseShell } from './commands.js';
import { parseAdd, parseCopy } from './copy.js';
import { parseHealthcheck } from './healthcheck.js';
import { parseArg, parseEnv, parseLabel } from './key-values.js';
import { parseOnbuild } from './onbuild.js';
import { lexInstruction, type RawInstruction } from './raw.js';
import { parseRun } from './run.js';
import {
  parseExpose,
  parseMaintainer,
  parseStopSignal,
  parseUser,
  parseVolume,
  parseWorkdir,
} from './single-words.js';

const parsers: ReadonlyMap<string, (raw: RawInstruction) => StageInstruction> = new Map<
  string,
  (raw: RawInstruction) => StageInstruction
>([
  ['ADD', parseAdd],
  ['ARG', parseArg],
  ['CMD', parseCmd],
  ['COPY', parseCopy],
  ['ENTRYPOINT', parseEntrypoint],
  ['ENV', parseEnv],
  ['EXPOSE', parseExpose],
  ['HEALTHCHECK', parseHealthcheck],
  ['LABEL', parseLabel],
  ['MAINTAINER', parseMaintainer],
  ['ONBUILD', (raw) => parseOnbuild(raw, parseStageInstruction)],
  ['RUN', parseRun],
  ['SHELL', parseShell],
  ['STOPSIGNAL', parseStopSignal],
  ['USER', parseUser],
  ['VOLUME', parseVolume],
  ['WORKDIR', parseWorkdir],
]);

const keywords = ['FROM', ...parsers.keys()];

/**
 * Any instruction but FROM.
 *
 * @throws InstructionError for an unknown keyword and for wrong arguments
 */
export function parseStageInstruction(raw: RawInstruction): StageInstruction {
  const parse = parsers.get(raw.keyword);
  if (parse === undefined) throw unknownInstruction(cutBlanks(trim(raw.base.text)).first);
  return parse(raw);
}

/** @param keyword as it is written */
function unknownInstruction(keyword: string): InstructionError {
  const shown = keyword.length > 64 ? `${keyword.slice(0, 64)}…` : keyword;
  const quoted = /^[\w-]+$/.test(shown) ? shown : visible(JSON.stringify(shown));
  return new InstructionError(`unknown instruction: ${quoted}`, {
    hint: unknownHint(keyword),
    part: 'keyword',
  });
}

function unknownHint(keyword: string): string | undefined {
  if (/^(?:<{7}|={7}|>{7}|\|{7})$/.test(keyword)) return 'a merge left its conflict here';
  const [hidden] = unusual.exec(keyword) ?? [];
  if (hidden === undefined) return didYouMean(keyword, keywords);
  return `${codePoint(hidden)} looks like a blank or like nothing and is neither: type it again`;
}

/** White space that separates no words, and characters without a shape. */
const unusual = /[\u0085\u00a0\u00ad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2064\u2066-\u2069\u3000\ufeff]/;

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}

function visible(text: string): string {
  return text.replace(new RegExp(unusual, 'g'), codePoint);
}

/** True for FROM and for what is likely meant to be it: what follows is in a stage. */
export function isNearFrom(keyword: string): boolean {
  return nearest(keyword, keywords) === 'FROM';
}

const heredocKeywords = new Set(['ADD', 'COPY', 'RUN']);

/**
 * True for ADD, COPY and RUN, also as a trigger, unless written as a JSON array. A mistyped one counts, so
 * that the lines of its heredoc are not taken for instructions.
 */
export function takesHeredocs(text: string, escape: Escape): boolean {
  if (!text.includes('<<')) return false;
  const lexed = lexInstruction(text, escape);
  const { keyword, args } = lexed.keyword === 'ONBUILD' ? lexInstruction(lexed.args, escape) : lexed;
  return heredocKeywords.has(nearest(keyword, keywords) ?? '') && !isJson(args);
}

function isJson(args: string): boolean {
  try {
    return parseJsonForm(args) !== undefined;
  } catch (error) {
    if (error instanceof InstructionError) return true;
    throw error;
  }
}

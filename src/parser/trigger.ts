import { TsbuildError } from '../util/errors.js';
import { checkTriggerKeyword, triggerEscape } from './instructions/onbuild.js';
import { lexInstruction } from './instructions/raw.js';
import { parseStageInstruction, takesHeredocs } from './instructions/table.js';
import { readLogicalLines } from './logical-lines.js';
import { splitLines } from './physical-lines.js';
import type { StageInstruction } from './types.js';

/**
 * One ONBUILD trigger as an image stores it: a single instruction, heredoc bodies included. The escape
 * character is the backslash, whatever the Dockerfile said that made it.
 *
 * @throws TsbuildError `dockerfile`, without a range
 */
export function parseTrigger(text: string): StageInstruction {
  const escape = triggerEscape;
  const options = { escape, from: 0, takesHeredocs: (line: string) => takesHeredocs(line, escape) } as const;
  const [line, ...more] = readLogicalLines(splitLines(text), options);
  if (line === undefined || more.length > 0 || text.includes('\0')) {
    throw new TsbuildError(
      'dockerfile',
      `an ONBUILD trigger must be a single instruction: ${JSON.stringify(text)}`,
    );
  }
  if (line.error !== undefined) throw line.error;
  const lexed = lexInstruction(line.text, escape);
  checkTriggerKeyword(lexed.keyword);
  const base = { text: line.text, range: line.range, comments: line.comments };
  return parseStageInstruction({ ...lexed, escape, heredocs: line.heredocs, base });
}

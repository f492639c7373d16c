import type { OptionSpec } from './option-table.js';

/** `--format json` of the commands that print tables. */
export const formatOption = {
  kind: 'text',
  value: 'FORMAT',
  choices: ['table', 'json'],
  describe: 'table, or json: one object per line',
} as const satisfies OptionSpec;

export function isJson(format: string | undefined): boolean {
  return format === 'json';
}

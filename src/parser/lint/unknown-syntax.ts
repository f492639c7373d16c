import { splitLines } from '../physical-lines.js';
import { finding, type Rule } from './rule.js';

const known = /^(?:docker\.io\/)?docker\/dockerfile(?:-upstream)?(?:[:@]|$)/;

/** Whether the image of a frontend is that of the Dockerfile language. */
export function isKnownSyntax(image: string): boolean {
  return known.test(image);
}

/** Ours: the directive names the image of another frontend, which is never run. */
export const unknownSyntax: Rule = {
  name: 'UnknownSyntax',
  description: 'The syntax directive should name the Dockerfile language that tsbuild understands',
  *check({ source, directives: { syntax } }) {
    if (syntax === undefined || (isKnownSyntax(syntax) && !syntax.includes('-labs'))) return;
    const line = splitLines(source.text).findIndex(({ text }) => /^\s*#\s*syntax\s*=/i.test(text));
    const range = { startLine: line + 1, startColumn: 0, endLine: line + 1, endColumn: 0 };
    const what = JSON.stringify(syntax);
    yield finding(
      { range },
      isKnownSyntax(syntax)
        ? `The syntax ${what} has experimental features; those that tsbuild lacks are errors`
        : `The frontend ${what} is not run: the file is read as docker/dockerfile:1`,
    );
  },
};

/** The mode that steps of this process run in, and tests that can be expressed in some modes only. */
import test, { type ExecutionContext } from 'ava';
import { presentMode } from '../../src/executor/present-mode.js';
import { readPrivileges } from '../../src/sys/privileges.js';

/** Undefined where no namespaces can be made. Tests of the sandbox are run again in other places (helpers/places.ts). */
export const mode = presentMode(readPrivileges());

/** Declares a test. */
export type Declare = (title: string, run: (t: ExecutionContext) => void | Promise<void>) => void;

/**
 * Declares tests that cannot be expressed where `applies` is false. They are no tests there: the run of that place lists
 * them with the reason, `why`.
 */
export function testWhere(applies: boolean, why: string, declare: Declare): Declare {
  if (applies) return declare;
  if (process.env['TSBUILD_PLACE'] === undefined) return () => undefined;
  return (title, run) => test.skip(`${title} (${why})`, run);
}

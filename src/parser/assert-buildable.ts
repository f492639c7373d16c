import { TsbuildError } from '../util/errors.js';
import type { Diagnostic, Dockerfile } from './types.js';

/** All errors of a Dockerfile; message, hint and range are those of the first. */
export class DockerfileError extends TsbuildError {
  constructor(
    dockerfile: Dockerfile,
    readonly diagnostics: readonly [Diagnostic, ...Diagnostic[]],
  ) {
    const [first, ...more] = diagnostics;
    const { source } = dockerfile;
    const others = more.map(
      ({ message, hint, range }) => new TsbuildError('dockerfile', message, { hint, range, source }),
    );
    super('dockerfile', first.message, { hint: first.hint, range: first.range, source, others });
  }
}

/** @throws DockerfileError when the file has any diagnostic of severity `error` */
export function assertBuildable(dockerfile: Dockerfile): void {
  const [first, ...more] = dockerfile.diagnostics.filter(({ severity }) => severity === 'error');
  if (first !== undefined) throw new DockerfileError(dockerfile, [first, ...more]);
}

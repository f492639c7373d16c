import { TsbuildError } from '../util/errors.js';

/** What a build is asked for in place of an image. */
export interface Call {
  readonly method: 'check' | 'outline' | 'targets';
  readonly json: boolean;
}

/** Reads `--call=METHOD[,format=json]` and `--check`; undefined means to build. Throws `usage`. */
export function parseCall(call: string | undefined, check: boolean): Call | undefined {
  const [method = 'build', ...rest] = (call ?? (check ? 'check' : 'build')).split(',');
  const json = rest.includes('format=json');
  const known = methods.get(method);
  if (known === undefined || rest.some((part) => part !== 'format=json' && part !== 'format=text')) {
    throw new TsbuildError('usage', `--call does not know ${JSON.stringify(call)}`, {
      hint: 'it takes build, check, outline or targets, and ,format=json behind it',
    });
  }
  if (check && known !== 'check') throw new TsbuildError('usage', `--check contradicts --call=${method}`);
  return known === 'build' ? undefined : { method: known, json };
}

const methods: ReadonlyMap<string, Call['method'] | 'build'> = new Map([
  ['build', 'build'],
  ['check', 'check'],
  ['lint', 'check'],
  ['outline', 'outline'],
  ['targets', 'targets'],
]);

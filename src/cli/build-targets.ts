import { TsbuildError } from '../util/errors.js';
import type { buildOptions } from './build-options.js';
import { buildRequest, type BuildRequest } from './build-request.js';
import type { CliContext } from './context.js';
import type { OptionValues } from './option-table.js';

type Values = OptionValues<typeof buildOptions>;

/** Stands for the name of the target in what names a result. */
const placeholder = '{target}';

/**
 * One request for each `--target`, which differ in what names their results: there `{target}` stands for the name of
 * the target. Throws `usage` also when results of several targets would have one name.
 */
export function buildRequests(
  context: string,
  options: Values,
  cli: Pick<CliContext, 'env' | 'cwd'>,
): readonly [BuildRequest, ...BuildRequest[]] {
  const [first, ...others] = [...new Set(options.target)];
  if (first === undefined) return [buildRequest(context, options, cli)];
  if (others.length > 0) refuseSharedNames(options);
  const request = (target: string) => buildRequest(context, optionsOf(target, options), cli);
  return [request(first), ...others.map(request)];
}

function optionsOf(target: string, options: Values): Values {
  const named = (text: string): string => text.replaceAll(placeholder, target.toLowerCase());
  const maybeNamed = (text: string | undefined) => (text === undefined ? undefined : named(text));
  return {
    ...options,
    target: [target],
    tag: options.tag.map(named),
    output: options.output.map(named),
    iidfile: maybeNamed(options.iidfile),
    'metadata-file': maybeNamed(options['metadata-file']),
  };
}

function refuseSharedNames(options: Values): void {
  const names: readonly (readonly [option: string, texts: readonly (string | undefined)[]])[] = [
    ['--tag', options.tag],
    ['--output', options.output],
    ['--iidfile', [options.iidfile]],
    ['--metadata-file', [options['metadata-file']]],
  ];
  for (const [option, texts] of names) {
    const shared = texts.find((text) => text?.includes(placeholder) === false);
    if (shared === undefined) continue;
    const message = `${option} ${JSON.stringify(shared)} would name the results of several targets`;
    throw new TsbuildError('usage', message, {
      hint: `write ${placeholder} where the name of the target belongs`,
    });
  }
}

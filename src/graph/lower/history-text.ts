/** `created_by` texts as BuildKit writes them, byte for byte. */
import { goQuote } from '../../util/go-quote.js';
import type { Healthcheck } from '../../oci/types.js';
import type { AddInstruction, CopyInstruction } from '../../parser/types.js';
import type { StageState } from './stage-state.js';

/** `["a" "b"]`: Go's %q of a list. */
export function quotedList(words: readonly string[]): string {
  return `[${words.map(goQuote).join(' ')}]`;
}

/**
 * `RUN |2 A=1 B= /bin/sh -c echo # buildkit`: each ARG in scope with the value that the step sees, empty when it has
 * none.
 */
export function runText(
  argv: readonly string[],
  { args, variables }: Pick<StageState, 'args' | 'variables'>,
): string {
  const given = Array.from(args.keys(), (name) => `${name}=${variables.get(name) ?? ''}`);
  const prefix = given.length === 0 ? [] : [`|${given.length}`, ...given];
  return `RUN ${[...prefix, ...argv].join(' ')} # buildkit`;
}

/** `COPY --chown=1:1 a b /d # buildkit`; words are expanded, heredocs stand by their names. */
export function copyText(
  { kind }: CopyInstruction | AddInstruction,
  parts: {
    readonly chown?: string | undefined;
    readonly chmod?: string | undefined;
    readonly parents: boolean;
    readonly sources: readonly string[];
    readonly destination: string;
  },
): string {
  const flags = [
    ...(parts.chown === undefined ? [] : [`--chown=${parts.chown}`]),
    ...(parts.chmod === undefined ? [] : [`--chmod=${parts.chmod}`]),
    ...(parts.parents ? ['--parents'] : []),
  ];
  return [kind, ...flags, ...parts.sources, parts.destination, '# buildkit'].join(' ');
}

/** `HEALTHCHECK {Test:[CMD curl x] Interval:30s Timeout:0s StartPeriod:0s StartInterval:0s Retries:3}`: Go's %+v. */
export function healthcheckText(check: Healthcheck): string {
  const fields = [
    `Test:[${(check.Test ?? []).join(' ')}]`,
    `Interval:${goDuration(check.Interval)}`,
    `Timeout:${goDuration(check.Timeout)}`,
    `StartPeriod:${goDuration(check.StartPeriod)}`,
    `StartInterval:${goDuration(check.StartInterval)}`,
    `Retries:${check.Retries ?? 0}`,
  ];
  return `HEALTHCHECK {${fields.join(' ')}}`;
}

/** Go's time.Duration.String for whole durations of nanoseconds: `1m30s`, `1.5s`, `500ms`, `0s`. */
export function goDuration(nanoseconds = 0): string {
  if (nanoseconds === 0) return '0s';
  if (nanoseconds < 1_000) return `${nanoseconds}ns`;
  if (nanoseconds < 1_000_000) return `${nanoseconds / 1_000}µs`;
  if (nanoseconds < 1_000_000_000) return `${nanoseconds / 1_000_000}ms`;
  const seconds = nanoseconds / 1_000_000_000;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = Number((seconds % 60).toFixed(9));
  if (hours > 0) return `${hours}h${minutes}m${rest}s`;
  return minutes > 0 ? `${minutes}m${rest}s` : `${rest}s`;
}

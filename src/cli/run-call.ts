import type { BuildInput } from '../build/build.js';
import type { ContextTools } from '../build/build-context.js';
import { check, examine, type CheckResult } from '../build/check.js';
import { describeOutline } from '../graph/describe/outline.js';
import { describeTargets } from '../graph/describe/targets.js';
import { exitCodes, TsbuildError } from '../util/errors.js';
import type { Source } from '../util/source.js';
import { buildInput } from './build-input.js';
import { withPrivateStore } from './private-store.js';
import { variantsOf } from './build-variants.js';
import type { BuildRequest } from './build-request.js';
import type { Call } from './call-method.js';
import type { CliContext } from './context.js';
import { checkJson, checkText, outlineJson, outlineText, targetsJson, targetsText } from './call-text.js';
import { wantsColor } from './color.js';

/** What differs in its target only. */
type Requests = readonly [BuildRequest, ...BuildRequest[]];

/**
 * Answers a question about a Dockerfile on standard output, without the store or a sandbox. Resolves to the exit code:
 * a check that finds something fails. A check is of all requests, for all platforms; an outline of the first, for its
 * first platform.
 */
export async function runCall(requests: Requests, call: Call, context: CliContext): Promise<number> {
  if (call.method === 'check') return runCheck(requests, call, context);
  const [request] = requests;
  const { stdout } = context;
  return withPrivateStore(request, context, async (tools) => {
    const input = await buildInput(request, context, tools);
    const { source } = input.dockerfile;
    if (call.method === 'outline') {
      const outline = describeOutline(input.dockerfile, await examine(input));
      stdout.write(call.json ? outlineJson(outline, source) : outlineText(outline));
    } else {
      const targets = describeTargets(input.dockerfile);
      stdout.write(call.json ? targetsJson(targets, source) : targetsText(targets));
    }
    return 0;
  });
}

async function runCheck(requests: Requests, { json }: Call, context: CliContext): Promise<number> {
  const { stdout, env } = context;
  const checked = await withPrivateStore(requests[0], context, (tools) =>
    readAndCheck(requests, context, tools),
  );
  const { findings, source, error } = checked;
  if (json) stdout.write(checkJson(findings, source, error));
  else if (findings.length > 0 || error === undefined) {
    stdout.write(checkText(findings, { source, color: wantsColor(stdout, env) }));
  }
  if (error === undefined) return findings.length === 0 ? 0 : exitCodes.lint;
  if (!json) throw error;
  return exitCodes[error.code];
}

/** A file whose text has errors is a result too: it has a source to point into. */
async function readAndCheck(
  [request, ...others]: Requests,
  context: CliContext,
  tools: ContextTools,
): Promise<Checked> {
  let input: BuildInput;
  try {
    input = await buildInput(request, context, tools);
  } catch (error) {
    if (!(error instanceof TsbuildError) || error.source === undefined) throw error;
    return { findings: [], source: error.source, error };
  }
  const variants = [...input.variants, ...others.flatMap(variantsOf)] as const;
  return { ...(await check({ ...input, variants })), source: input.dockerfile.source };
}

interface Checked extends CheckResult {
  readonly source: Source;
}

import { expandHeredoc, expandWord } from '../../parser/expand.js';
import { parseChmod } from '../../parser/chmod.js';
import { heredocBody } from '../../parser/run-script.js';
import type { AddInstruction, CopyInstruction, Heredoc } from '../../parser/types.js';
import { toByteString } from '../../util/bytes.js';
import { TsbuildError } from '../../util/errors.js';
import type { CopyOp, CopySourceSpec } from '../ops.js';
import { makeVertex, type Vertex } from '../vertex.js';
import { copyText } from './history-text.js';
import type { StageContext } from './lowering.js';
import { onRoot, type StageState } from './stage-state.js';
import { stepOrigin } from './step-origin.js';
import { wordScope } from './word-scope.js';

type CopyLike = CopyInstruction | AddInstruction;

export async function lowerCopy(
  state: StageState,
  instruction: CopyLike,
  context: StageContext & { readonly step: number },
): Promise<StageState> {
  const words = expandWords(state, instruction, context);
  if (instruction.kind === 'ADD') refuseRemote(instruction, words.sources);
  const inputs = await sourceInputs(state, instruction, context);
  const files =
    inputs.files === undefined ? [] : instruction.heredocs.map(({ name }) => spec(inputs.files, name));
  const paths = words.sources.map((pattern) => spec(inputs.paths, pattern));
  const op: CopyOp = {
    kind: 'copy',
    sources: [...paths, ...files],
    destination: toByteString(words.destination),
    workdir: toByteString(state.config.WorkingDir || '/'),
    chown: words.chown,
    chmod: words.chmod,
    parents: instruction.kind === 'COPY' && instruction.parents,
    exclude: instruction.exclude,
    unpack: instruction.kind === 'ADD' && instruction.unpack !== false ? 'auto' : 'never',
    link: instruction.link && words.chmod === undefined, // as BuildKit, which says nothing of it
  };
  const vertex = makeVertex(op, [state.vertex, ...inputs.vertices], stepOrigin(instruction, context));
  const names = [...words.sources, ...instruction.heredocs.map(({ name }) => `<<${name}`)];
  return onRoot(state, vertex, copyText(instruction, { ...words, parents: op.parents, sources: names }));
}

function spec(input: number | undefined, pattern: string): CopySourceSpec {
  if (input === undefined) throw new Error('a copy source has no input');
  return { input, pattern: toByteString(pattern) };
}

interface Words {
  readonly sources: readonly string[];
  readonly destination: string;
  readonly chown?: string | undefined;
  readonly chmod?: string | undefined;
}

function expandWords(state: StageState, instruction: CopyLike, context: StageContext): Words {
  const scope = wordScope(state, context, instruction.range);
  const expand = (word: string) => expandWord(word, scope, context.request.dockerfile.directives.escape);
  const chmod = instruction.chmod === undefined ? undefined : expand(instruction.chmod);
  if (chmod !== undefined) parseChmod(chmod);
  return {
    sources: instruction.sources.map(expand),
    destination: expand(instruction.destination),
    chown: instruction.chown === undefined ? undefined : expand(instruction.chown),
    chmod,
  };
}

interface SourceInputs {
  readonly vertices: readonly Vertex[];
  /** Input numbers of the vertex: paths come from one, heredocs from another. */
  readonly paths: number | undefined;
  readonly files: number | undefined;
}

async function sourceInputs(
  state: StageState,
  instruction: CopyLike,
  context: StageContext & { readonly step: number },
): Promise<SourceInputs> {
  const origin = stepOrigin(instruction, context);
  const vertices: Vertex[] = [];
  let paths: number | undefined;
  let files: number | undefined;
  if (instruction.sources.length > 0) {
    const from = instruction.kind === 'COPY' ? instruction.from : undefined;
    const source = from === undefined ? undefined : await context.source(from, context.stage);
    const contextOrigin = { ...origin, name: '[internal] load build context' };
    paths = vertices.push(
      source?.vertex ?? makeVertex({ kind: 'context', name: 'context' }, [], contextOrigin),
    );
  }
  if (instruction.heredocs.length > 0) {
    const scope = wordScope(state, context, instruction.range);
    const contents = instruction.heredocs.map((heredoc) => ({
      name: heredoc.name,
      content: fileContent(heredoc, scope),
    }));
    files = vertices.push(makeVertex({ kind: 'inline', files: contents }, [], origin));
  }
  return { vertices, paths, files };
}

function fileContent(heredoc: Heredoc, scope: ReturnType<typeof wordScope>): string {
  const text = heredocBody(heredoc);
  return heredoc.expand ? expandHeredoc(text, scope) : text;
}

const remote = /^(https?:\/\/|git:\/\/|ssh:\/\/|git@)/;

function refuseRemote({ checksum, keepGitDir }: AddInstruction, sources: readonly string[]): void {
  if (sources.some((source) => remote.test(source))) {
    throw new TsbuildError('unsupported', 'ADD of a remote source is not supported', {
      hint: 'fetch it in a RUN step, or copy it from the build context',
    });
  }
  if (checksum !== undefined)
    throw new TsbuildError('dockerfile', 'ADD --checksum is for remote sources only');
  if (keepGitDir === true) throw new TsbuildError('dockerfile', 'ADD --keep-git-dir is for git sources only');
}

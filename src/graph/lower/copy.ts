import { expandHeredoc, expandWord } from '../../parser/expand.js';
import { parseChmod } from '../../parser/chmod.js';
import { heredocBody } from '../../parser/run-script.js';
import type { AddInstruction, CopyInstruction, Heredoc } from '../../parser/types.js';
import { toByteString } from '../../util/bytes.js';
import { withoutUserInformation } from '../../util/user-information.js';
import type { CopyOp, CopySourceSpec } from '../ops.js';
import { makeVertex, type Vertex } from '../vertex.js';
import { contextVertex } from './context-vertex.js';
import { copyText } from './history-text.js';
import type { StageContext } from './lowering.js';
import { checkRemoteFlags, remoteSource, type RemoteSource } from './remote-source.js';
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
  const inputs = await sourceInputs(state, { instruction, words }, context);
  const op: CopyOp = {
    kind: 'copy',
    sources: inputs.sources,
    destination: toByteString(words.destination),
    workdir: toByteString(state.config.WorkingDir || '/'),
    chown: words.chown,
    chmod: words.chmod,
    parents: instruction.kind === 'COPY' && instruction.parents,
    exclude: instruction.exclude,
    link: instruction.link && words.chmod === undefined, // as BuildKit, which says nothing of it
  };
  const vertex = makeVertex(op, [state.vertex, ...inputs.vertices], stepOrigin(instruction, context));
  const names = [
    ...words.sources.map(withoutUserInformation),
    ...instruction.heredocs.map(({ name }) => `<<${name}`),
  ];
  return onRoot(state, vertex, copyText(instruction, { ...words, parents: op.parents, sources: names }));
}

interface Words {
  readonly sources: readonly string[];
  readonly destination: string;
  readonly chown?: string | undefined;
  readonly chmod?: string | undefined;
  readonly checksum?: string | undefined;
}

/** An empty value of a flag counts as none, as in BuildKit: `--chown=$OWNER` may be left open. */
function expandWords(state: StageState, instruction: CopyLike, context: StageContext): Words {
  const scope = wordScope(state, context, instruction.range);
  const expand = (word: string) => expandWord(word, scope, context.request.dockerfile.directives.escape);
  const flag = (word: string | undefined) => (word === undefined ? undefined : expand(word) || undefined);
  const chmod = flag(instruction.chmod);
  if (chmod !== undefined) parseChmod(chmod);
  return {
    sources: instruction.sources.map(expand),
    destination: expand(instruction.destination),
    chown: flag(instruction.chown),
    chmod,
    checksum: instruction.kind === 'ADD' ? flag(instruction.checksum) : undefined,
  };
}

interface SourceInputs {
  /** Inputs of the vertex besides the base, each once. */
  readonly vertices: readonly Vertex[];
  /** What is copied from them, in order. */
  readonly sources: readonly CopySourceSpec[];
}

interface Copied {
  readonly instruction: CopyLike;
  readonly words: Words;
}

type StepContext = StageContext & { readonly step: number };

async function sourceInputs(
  state: StageState,
  { instruction, words }: Copied,
  context: StepContext,
): Promise<SourceInputs> {
  const origin = stepOrigin(instruction, context);
  const vertices: Vertex[] = [];
  const sources: CopySourceSpec[] = [];
  const remotes = remoteSources(instruction, words);
  const unpack = instruction.kind === 'ADD' && instruction.unpack !== false ? ('auto' as const) : 'never';
  let paths: number | undefined;
  for (const [i, word] of words.sources.entries()) {
    const remote = remotes[i];
    if (remote === undefined) {
      paths ??= vertices.push(await pathSource(instruction, context));
      sources.push({ input: paths, pattern: toByteString(word), unpack });
    } else {
      const input = vertices.push(makeVertex(remote.op, [], origin));
      sources.push({ input, pattern: remote.pattern, unpack: remote.unpack });
    }
  }
  if (instruction.heredocs.length > 0) {
    const scope = wordScope(state, context, instruction.range);
    const files = instruction.heredocs.map((heredoc) => ({
      name: heredoc.name,
      content: fileContent(heredoc, scope),
    }));
    const input = vertices.push(makeVertex({ kind: 'inline', files }, [], origin));
    sources.push(
      ...files.map(({ name }): CopySourceSpec => ({ input, pattern: toByteString(name), unpack })),
    );
  }
  return { vertices, sources };
}

/** What paths are read from: the build context, or what --from names. */
async function pathSource(instruction: CopyLike, context: StepContext): Promise<Vertex> {
  const from = instruction.kind === 'COPY' ? instruction.from : undefined;
  if (from !== undefined) return (await context.source(from, context.stage)).vertex;
  return contextVertex('context', stepOrigin(instruction, context));
}

function remoteSources(
  instruction: CopyLike,
  { sources, checksum }: Words,
): readonly (RemoteSource | undefined)[] {
  if (instruction.kind !== 'ADD') return [];
  const flags = { checksum, keepGitDir: instruction.keepGitDir, unpack: instruction.unpack };
  const found = sources.map((word) => remoteSource(word, flags));
  checkRemoteFlags(flags, [...found, ...instruction.heredocs.map(() => undefined)]);
  return found;
}

function fileContent(heredoc: Heredoc, scope: ReturnType<typeof wordScope>): string {
  const text = heredocBody(heredoc);
  return heredoc.expand ? expandHeredoc(text, scope) : text;
}

/** Commands of other tools that tsbuild does not have, and what to do instead. All but the refused may come. */
interface AbsentCommand {
  readonly verdict: 'planned' | 'refused';
  /** A phrase without a full stop. */
  readonly say: string;
}

const planned = (say: string): AbsentCommand => ({ verdict: 'planned', say });
const refused = (say: string): AbsentCommand => ({ verdict: 'refused', say });
const noContainers = 'tsbuild builds images; run them with a container engine';

export const absentCommands: ReadonlyMap<string, AbsentCommand> = new Map(
  Object.entries({
    ls: planned('use tsbuild images'),
    tree: planned('use tsbuild inspect --layers'),
    imagetools: planned('use tsbuild manifest create, tsbuild copy or tsbuild inspect --raw'),
    config: planned('use tsbuild inspect'),
    diff: planned('compare tsbuild inspect of both images'),
    bake: planned('call tsbuild build for each target'),
    check: planned('tsbuild build reports the problems of a Dockerfile before it runs anything'),
    lint: planned('tsbuild build reports the problems of a Dockerfile before it runs anything'),
    sign: planned('sign the pushed digest with a tool of its own'),
    verify: planned('verify the digest with a tool of its own'),
    export: planned('use tsbuild build -o type=local,dest=FOLDER'),
    import: planned('use tsbuild load'),
    buildx: planned('leave out the word buildx'),
    executor: planned('use tsbuild kaniko, which takes the flags of its executor'),
    exec: refused(noContainers),
    ps: refused(noContainers),
    from: refused('write a Dockerfile: tsbuild has no working containers'),
    commit: refused('write a Dockerfile: tsbuild has no working containers'),
    mount: refused('use tsbuild build -o type=local,dest=FOLDER'),
  }),
);

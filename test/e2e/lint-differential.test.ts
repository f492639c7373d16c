/** The findings of BuildKit's `--check` and ours for the same files: rule, line and message. */
import test from 'ava';
import { ruleInfos } from '../../src/parser/lint/rules.js';
import { startBuildkit } from '../helpers/references.js';
import { hasCommandLine, makeWorkspace } from '../helpers/tsbuild.js';

const buildkit = await startBuildkit();
test.after.always(() => buildkit?.stop());

const files: readonly string[] = [
  'FROM scratch\nENV foo=1\nCOPY $fo /\nADD $other /\n',
  'FROM scratch\nARG A B=$nope\nENV X=$A Y=$B\nEXPOSE 80/TCP 127.0.0.1:80:80\nLABEL a b\nMAINTAINER x\n',
  'FROM scratch AS a\nWORKDIR x\nWORKDIR z\nFROM a AS b\nWORKDIR y\nFROM scratch\nWORKDIR z\n',
  'FROM --platform=linux/arm64 scratch AS x\nFROM --platform=linux/arm64 scratch\nFROM --platform=$TARGETPLATFORM scratch\n',
  'FROM --platform=linux/arm64 scratch AS x_arm64\nFROM --platform=linux/arm64 scratch AS b-linux\nFROM --platform=linux/arm/v7 scratch AS v7\n',
  'FROM --platform=${TARGETPLATFORM} scratch\nFROM --platform="$TARGETPLATFORM" scratch\n',
  'FROM scratch\nENV A_TOKEN=x PASSWORD=y auth=1 authx=1 A_KEY\\_B=1\nARG apikey PUBLIC_KEY FOO_KEYS TOKEN_X\n',
  'FROM scratch\nrun foo\nRun bar\nRUN x\n',
  'FROM scratch\nCMD a\nCMD b\nENTRYPOINT x\nENTRYPOINT y\nHEALTHCHECK NONE\nHEALTHCHECK NONE\nSHELL ["a"]\n',
  'FROM scratch as a\nFROM scratch AS context\nFROM scratch AS SCRATCH\nFROM scratch AS A\n',
  '# check=experimental=all\n# foo\n\nARG A=1\n# A xx\n#\n# bar\nARG B=x C\n# base\nFROM scratch AS bas\n',
  '# check=skip=all;experimental=all\n# foo\nARG A=1\nFROM scratch as x\n',
  '# check=skip=MaintainerDeprecated\nFROM scratch as x\nMAINTAINER x\n',
  'FROM scratch\nCMD foo\nSHELL ["x"]\nCMD foo\n',
  'FROM scratch AS a\nSHELL ["x"]\nFROM a\nCMD foo\n',
  'FROM scratch\nCMD []\nCMD\n',
  'FROM scratch\nENV X=$PATH Y=$HOME Z=$http_proxy U=$TARGETARCH\n',
  'FROM scratch\nONBUILD CMD foo\nONBUILD COPY $foo /\n',
  'FROM scratch\nENV a $b\nLABEL x=$b\nCOPY --chown=$u --chmod=0$m a /\nUSER a$u\nVOLUME /$v\n',
  'FROM scratch AS a\nENV one=1\nFROM a\nENV two=$one three=$onee\nARG four\nENV five=$four\n',
  'ARG A=scratch\nFROM $A AS one\nARG A\nENV B=$A\n',
  '# escape=`\nFROM scratch\nENV A=`$b B=$b\n',
];

const it = hasCommandLine && buildkit !== undefined ? test.serial : test.serial.skip;
const json = '--call=check,format=json';

for (const file of files) {
  it(JSON.stringify(file), async (t) => {
    const workspace = makeWorkspace('lint');
    workspace.write({ 'context/Dockerfile': file });
    const context = workspace.path('context');
    const ours = await workspace.tsbuild(['build', json, context]);
    const theirs = await buildkit?.build({ context, args: [json] });
    await workspace.remove();
    const theirFindings = findings(theirs?.stdout ?? '');
    const names = new Set([...theirNames, ...theirFindings.map(([name]) => name)]);
    t.deepEqual(
      findings(ours.stdout).filter(([name]) => names.has(name)),
      theirFindings,
    );
  });
}

const described = `ARG V=1
# base is the ground
FROM scratch AS base
# A about a
ARG A
ARG V
RUN --mount=type=secret,id=tok --mount=type=ssh x
FROM base AS other
ARG UNRELATED=1
RUN --mount=type=secret,id=req,required=true --mount=type=secret,target=/x/named x
FROM --platform=linux/arm64 scratch AS Last
ARG C=3 D TARGETARCH
# E is a
# thing of two lines
ARG E="x y"
COPY --from=base / /
RUN --mount=type=ssh,id=foo,required x
`;
const unnamed = 'ARG X=scratch\nFROM $X AS a\nFROM a\nENV A=$X\n';

for (const [file, ...args] of [
  [described, '--call=outline,format=json'],
  [described, '--call=outline,format=json', '--target', 'OTHER', '--build-arg', 'A=7', '--build-arg', 'V'],
  [described, '--call=targets,format=json'],
  [unnamed, '--call=outline,format=json'],
  [unnamed, '--call=targets,format=json'],
] as const) {
  it(`${args.join(' ')} is BuildKit's: ${JSON.stringify(file.slice(0, 20))}`, async (t) => {
    const workspace = makeWorkspace('call');
    workspace.write({ 'context/Dockerfile': file });
    const context = workspace.path('context');
    const ours = await workspace.tsbuild(['build', ...args, context]);
    const theirs = await buildkit?.build({ context, args });
    await workspace.remove();
    t.is(ordered(ours.stdout), ordered(theirs?.stdout ?? ''));
    t.is(ours.stdout.length, theirs?.stdout.length ?? 0, 'blanks and line ends too');
    t.is(ours.code, theirs?.code ?? 0);
  });
}

/** An answer whose lists are in the order of lines and names: BuildKit's order of what one line declares is a random one. */
function ordered(answer: string): string {
  const sortedLists = (_key: string, value: unknown): unknown =>
    Array.isArray(value) ? value.toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1)) : value;
  return JSON.stringify(JSON.parse(answer, sortedLists), null, 2);
}

function orderOf(value: unknown): string {
  const { name, location } = value as Declared;
  return `${String(location?.ranges[0]?.start.line).padStart(9)} ${name}`;
}

/** What lists of an answer hold, as far as it orders them. */
interface Declared {
  readonly name?: string;
  readonly location?: { readonly ranges: readonly { readonly start: { readonly line: number } }[] };
}

/** Rules of BuildKit; the others are ours alone. */
const ourNames = new Set(
  [
    'AptCacheMountEmptied ArgBeforeUnrelatedRun AutomaticArgHidden BrokenJSONForm CacheMountNotWritable CopyBeforeInstall',
    'CopyPathCase SyntaxTooOld',
    'CopyWildcardNoMatch HeredocWithoutErrexit InvisibleCharacters RecursiveChangeInOwnLayer SecretFileCopied',
    'LinkWithChmod UnknownSyntax UnusedArg UnusedStage',
  ].flatMap((line) => line.split(' ')),
);
const theirNames = [...ruleInfos.keys()].filter((name) => !ourNames.has(name));

/** Rule, line and message, in that order; BuildKit tells a name once for each word that uses it. */
function findings(stdout: string): (readonly [rule: string, line: number, message: string])[] {
  const answer = JSON.parse(stdout) as {
    readonly warnings?: readonly {
      readonly ruleName: string;
      readonly detail: string;
      readonly location: { readonly ranges: readonly { readonly start: { readonly line: number } }[] };
    }[];
  };
  const found = (answer.warnings ?? []).map(
    ({ ruleName, detail, location }) =>
      [ruleName, location.ranges[0]?.start.line ?? 0, withoutGuess(detail)] as const,
  );
  const unique = new Map(found.map((finding) => [JSON.stringify(finding), finding]));
  return [...unique].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, finding]) => finding);
}

/** Names that are proposed differ: BuildKit takes anything near for short names. */
function withoutGuess(message: string): string {
  return message.replace(/ \(did you mean .*\)$/, '');
}

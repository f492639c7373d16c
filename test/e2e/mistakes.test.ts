/** Mistakes that everybody makes: the message names the place and the way out, and the exit code the class. */
import test from 'ava';
import { findBase, placeBase } from '../helpers/bases.js';
import { isRoot } from '../helpers/programs.js';
import { hasCommandLine, makeWorkspace } from '../helpers/tsbuild.js';
import type { FileOf } from '../helpers/scratch.js';

const busybox = await findBase('busybox');

interface Mistake {
  readonly name: string;
  readonly dockerfile?: string;
  readonly files?: Readonly<Record<string, FileOf>>;
  readonly args?: readonly string[];
  /** Exit code, as docs/cli.md publishes it. */
  readonly code: number;
  readonly says: readonly RegExp[];
  /** A RUN must really run: needs root and the busybox base. */
  readonly runs?: true;
}

const mistakes: readonly Mistake[] = [
  {
    name: 'a file that is not there, with one of a similar name',
    dockerfile: 'FROM scratch\nCOPY packge.json /app/\n',
    files: { 'package.json': '{}' },
    code: 1,
    says: [/packge\.json/, /Dockerfile:2/, /package\.json/],
  },
  {
    name: 'a file that .dockerignore hides',
    dockerfile: 'FROM scratch\nCOPY build/app /app\n',
    files: { 'build/app': 'x', '.dockerignore': '*.log\nbuild\n' },
    code: 1,
    says: [/build\/app/, /\.dockerignore/, /Dockerfile:2/],
  },
  {
    name: 'a file below a folder that an ignore file beside the Dockerfile hides',
    dockerfile: 'FROM scratch\nCOPY ./build/sub/../app /app\n',
    files: { 'build/app': 'x', 'Dockerfile.dockerignore': '# first\n*.log\nbui*\n' },
    code: 1,
    says: [/line 3 of Dockerfile\.dockerignore, "bui\*", keeps "build" out/, /!build\/app/, /Dockerfile:2/],
  },
  {
    name: 'a wildcard that finds only what .dockerignore hides',
    dockerfile: 'FROM scratch\nCOPY logs/*.txt /logs/\nCOPY missing /x\n',
    files: { 'logs/a.txt': 'x', 'logs/b': 'x', '.dockerignore': 'other\n**/a.*\n' },
    code: 1,
    says: [/Dockerfile:2/, /line 2 of \.dockerignore, "\*\*\/a\.\*", keeps "logs\/a\.txt" out/],
  },
  {
    name: 'a typing error in an instruction',
    dockerfile: 'FROM scratch\nCOPPY a b\n',
    code: 3,
    says: [/COPPY/, /COPY/, /Dockerfile:2/],
  },
  {
    name: 'a typing error in a flag of an instruction',
    dockerfile: 'FROM scratch\nCOPY --chwon=1:1 a b\n',
    files: { a: 'a' },
    code: 3,
    says: [/chwon/, /--chown/, /Dockerfile:2/],
  },
  {
    name: 'an unknown flag of the command line',
    dockerfile: 'FROM scratch\n',
    args: ['--tagg', 'x'],
    code: 2,
    says: [/--tagg/, /--tag/],
  },
  {
    name: 'an unknown command',
    args: [],
    code: 2,
    says: [/imagse/, /images/],
  },
  {
    name: 'an unknown stage as the target',
    dockerfile: 'FROM scratch AS build\nFROM scratch AS runtime\n',
    args: ['--target', 'bulid'],
    code: 2,
    says: [/bulid/, /build/],
  },
  {
    name: 'COPY --from a later stage',
    dockerfile: 'FROM scratch AS first\nCOPY --from=second /x /x\nFROM scratch AS second\nFROM first\n',
    code: 3,
    says: [/second/, /Dockerfile:2/],
  },
  {
    name: 'a variable in COPY --from',
    dockerfile: 'ARG S=a\nFROM scratch AS a\nFROM scratch\nARG S\nCOPY --from=$S /x /x\n',
    code: 3,
    says: [/--from/, /Dockerfile:5/],
  },
  {
    name: 'an instruction before FROM',
    dockerfile: 'RUN true\nFROM scratch\n',
    code: 3,
    says: [/FROM/, /Dockerfile:1/],
  },
  {
    name: 'an empty Dockerfile',
    dockerfile: '',
    code: 3,
    says: [/empty/],
  },
  {
    name: 'an unterminated heredoc',
    dockerfile: 'FROM scratch\nCOPY <<EOF /x\ntext\n',
    code: 3,
    says: [/heredoc|EOF/, /Dockerfile:2/],
  },
  {
    name: 'no Dockerfile in the context',
    code: 3,
    says: [/Dockerfile/, /-f|--file/],
  },
  {
    name: 'a user that the image does not know',
    dockerfile: 'FROM scratch\nADD rootfs.tar /\nUSER nosuchuser\nRUN true\n',
    code: 4,
    says: [/nosuchuser/, /Dockerfile:4|Dockerfile:3/],
    runs: true,
  },
  {
    name: 'a RUN that fails',
    dockerfile: 'FROM scratch\nADD rootfs.tar /\nRUN echo on stderr >&2 && exit 42\n',
    code: 4,
    says: [/exit code:? 42/, /on stderr/, /Dockerfile:3/],
    runs: true,
  },
  {
    name: 'a program that is not there',
    dockerfile: 'FROM scratch\nADD rootfs.tar /\nRUN ["/no/such/program"]\n',
    code: 4,
    says: [/\/no\/such\/program/, /Dockerfile:3/],
    runs: true,
  },
  {
    name: 'a shell form in an image without a shell',
    dockerfile: 'FROM scratch\nCOPY a /a\nRUN true\n',
    files: { a: 'a' },
    code: 4,
    says: [/\/bin\/sh/, /Dockerfile:3/],
    runs: true,
  },
  {
    name: 'a registry that does not answer',
    dockerfile: 'FROM 127.0.0.1:9/no/registry:1\n',
    args: ['--retry', '0'],
    code: 5,
    says: [/127\.0\.0\.1:9/, /Dockerfile:1/],
  },
  {
    name: 'an output of an unknown type',
    dockerfile: 'FROM scratch\n',
    args: ['-o', 'type=zip,dest=x'],
    code: 2,
    says: [/zip/, /oci/],
  },
  {
    name: 'an image name with capitals',
    dockerfile: 'FROM scratch\n',
    args: ['-t', 'My/App'],
    code: 2,
    says: [/My\/App/, /lower/],
  },
];

for (const mistake of mistakes) {
  const ready = hasCommandLine && (mistake.runs === undefined || (isRoot && busybox !== undefined));
  const it = ready ? test : test.skip;
  it(`mistake: ${mistake.name}`, async (t) => {
    const workspace = makeWorkspace('mistake');
    try {
      const { dockerfile, files = {}, args = [] } = mistake;
      workspace.write({ 'c/.keep': '' });
      if (dockerfile !== undefined) workspace.write({ 'c/Dockerfile': dockerfile });
      for (const [path, file] of Object.entries(files)) workspace.write({ [`c/${path}`]: file });
      if (mistake.runs && busybox !== undefined) placeBase(busybox, workspace.path('c'));
      const command =
        mistake.name === 'an unknown command'
          ? ['imagse']
          : ['build', '--progress', 'plain', ...args, workspace.path('c')];
      const ended = await workspace.tsbuild(command);
      for (const pattern of mistake.says) t.regex(ended.output, pattern);
      t.is(ended.code, mistake.code, ended.output);
      t.notRegex(ended.output, /^\s+at .*\(.*:\d+:\d+\)$/m, 'no stack trace');
    } finally {
      await workspace.remove();
    }
  });
}

/** LOG-02: what steps print acts on no terminal. */
import test from 'ava';
import { missingOf, runProgram } from '../helpers/programs.js';
import type { Declare } from '../helpers/modes.js';
import { StepSite, stepTest } from './step-site.js';

const site = await StepSite.open('log-terminal');
test.after.always(() => site.close());
const ptyTest: Declare = missingOf(['script']).length === 0 ? stepTest : test.skip;

const attacks: readonly (readonly [name: string, octal: string, raw: string])[] = [
  ['clear the screen', '\\033[2J', '\u001b[2J'],
  ['move the cursor', '\\033[10A', '\u001b[10A'],
  ['the clipboard (OSC 52)', '\\033]52;c;ZXZpbA==\\007', '\u001b]52'],
  ['a hidden link (OSC 8)', '\\033]8;;http://evil.example\\007x\\033]8;;\\007', '\u001b]8'],
  ['the title', '\\033]0;evil\\007', '\u001b]0'],
  ['a device control string', '\\033P1$r0m\\033\\\\', '\u001bP'],
  ['a report of the cursor', '\\033[6n', '\u001b[6n'],
  ['another screen', '\\033[?1049h', '\u001b[?1049h'],
  ['a reset', '\\033c', '\u001bc'],
  ['an overwritten line', 'safe\\revil', 'safe\r'],
  ['a bell', '\\007', '\u0007'],
  ['a C1 control', '\\302\\2332J', '\u009b'],
  ['a raw C1 byte', '\\2332J', '\u009b'],
  ['reordered text', '\\342\\200\\256evil', '\u202e'],
];

for (const progress of ['plain', 'tty', 'rawjson'] as const) {
  ptyTest(`LOG-02: ${attacks.length} ways to act on the terminal, shown as text (${progress})`, async (t) => {
    const lines = attacks.map(([, octal], index) => `printf 'begin-${index} ${octal} end-${index}\\n'`);
    const { argv } = site.prepare(
      `FROM base\nRUN ${lines.join('; ')}; printf '\\033[31mred\\033[0m\\n'; echo ${progress}; sleep 0.3; exit 3\n`,
    );
    const words = argv.map((each) => (each === 'plain' ? progress : each));
    const quoted = site.workspace.commandLine(words).map((each) => `'${each}'`);
    const built = await runProgram(['script', '-qec', `stty -onlcr; ${quoted.join(' ')}`, '/dev/null'], {
      cwd: site.workspace.folder,
      env: { TSBUILD_ROOT: site.workspace.store, TERM: 'xterm', NO_COLOR: undefined, CI: undefined },
    });
    t.is(built.code, 4, built.output.slice(-3000));
    t.true(built.output.length < 200_000, 'as much as is shown');
    for (const [index, [name, , raw]] of attacks.entries()) {
      const shown = [...built.output.matchAll(new RegExp(`begin-${index} (.*?) end-${index}`, 'gs'))];
      if (progress !== 'tty') t.true(shown.length > 0, name);
      for (const [, text = ''] of shown) t.false(text.includes(raw), `${name}: ${JSON.stringify(text)}`);
      for (const [, text = ''] of shown) {
        t.notRegex(text.replace(/[\n\t]/g, '').replaceAll('\u001b', ''), /\p{Cc}/u, name);
      }
    }
  });
}

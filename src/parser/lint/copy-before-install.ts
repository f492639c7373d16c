import type { CopyInstruction, RunInstruction, Stage } from '../types.js';
import { finding, type Finding, type Rule } from './rule.js';
import { commandText, simpleCommands } from './shell-commands.js';

/** Commands that fetch what a manifest names, and that manifest. */
const installers: readonly (readonly [command: RegExp, manifest: string])[] = [
  [/^npm (?:ci|i|install)$|^npm (?:ci|i|install) -/, 'package.json'],
  [/^pnpm (?:i|install)$|^pnpm (?:i|install) -/, 'package.json'],
  [/^yarn$|^yarn install|^yarn --/, 'package.json'],
  [/^pip3? install .*(?:-r|--requirement)/, 'requirements.txt'],
  [/^bundle install/, 'Gemfile'],
  [/^go mod download/, 'go.mod'],
  [/^composer install/, 'composer.json'],
  [/^cargo fetch/, 'Cargo.toml'],
];

/** Ours: after a COPY of the whole context, any changed file runs the install again. */
export const copyBeforeInstall: Rule = {
  name: 'CopyBeforeInstall',
  description: 'Manifests should be copied, and dependencies installed, before the rest of the context',
  *check({ stages }) {
    for (const stage of stages) yield* findInStage(stage);
  },
};

function* findInStage({ instructions }: Stage): Generator<Finding> {
  let whole: CopyInstruction | undefined;
  let installed = false;
  for (const instruction of instructions) {
    if (instruction.kind === 'COPY' && isWholeContext(instruction)) whole ??= instruction;
    if (instruction.kind !== 'RUN') continue;
    const found = installerOf(instruction);
    if (found === undefined) continue;
    if (whole !== undefined && !installed) {
      const message = `Every change of the build context runs ${JSON.stringify(found.command)} again`;
      yield finding(
        instruction,
        message,
        `copy ${found.manifest} and its lock file first, the rest after this step`,
      );
    }
    installed = true;
  }
}

function isWholeContext({ from, sources, exclude }: CopyInstruction): boolean {
  return (
    from === undefined &&
    exclude.length === 0 &&
    sources.some((source) => /^(?:\.?\/?|\/\.|\.\/\.)$/.test(source))
  );
}

function installerOf(
  instruction: RunInstruction,
): { readonly command: string; readonly manifest: string } | undefined {
  for (const words of simpleCommands(commandText(instruction))) {
    const line = words.join(' ');
    const known = installers.find(([command]) => command.test(line));
    if (known !== undefined) return { command: words.slice(0, 2).join(' '), manifest: known[1] };
  }
  return undefined;
}

/** Rules that look at the build context: sources that are kept out, missing, or secret. */
import test from 'ava';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runCli } from '../helpers/cli-run.js';
import { scratchOf } from '../helpers/stores.js';

interface Given {
  readonly lines: string;
  readonly files?: readonly string[];
  readonly ignore?: string;
}

const finds = test.macro<[given: Given, ...expected: string[]]>({
  exec: async (t, { lines, files = [], ignore }, ...expected) => {
    const root = scratchOf(t, 'findings');
    const write = (name: string, text: string): void => {
      mkdirSync(dirname(join(root, 'c', name)), { recursive: true });
      writeFileSync(join(root, 'c', name), text);
    };
    write('Dockerfile', `FROM scratch\n${lines}\n`);
    for (const name of files) write(name, '');
    if (ignore !== undefined) write('.dockerignore', ignore);
    const { stdout } = await runCli(root, ['build', '--call=check,format=json', join(root, 'c')]);
    const { warnings } = JSON.parse(stdout) as {
      readonly warnings: readonly { ruleName: string; detail: string }[];
    };
    t.deepEqual(
      warnings.map(({ ruleName, detail }) => `${ruleName}: ${detail}`),
      expected,
    );
  },
  title: (rule = '', { lines }) => `${rule}: ${lines}`,
});

const excluded = (name: string, verb = 'Copy') =>
  `CopyIgnoredFile: Attempting to ${verb} file "${name}" that is excluded by .dockerignore`;
test('CopyIgnoredFile', finds, { lines: 'COPY a /', files: ['a'], ignore: 'a\n' }, excluded('a'));
test('CopyIgnoredFile: ADD', finds, { lines: 'ADD a /', files: ['a'], ignore: '*\n' }, excluded('a', 'Add'));
test(
  'CopyIgnoredFile: a leading slash',
  finds,
  { lines: 'COPY /a /', files: ['a'], ignore: 'a\n' },
  excluded('/a'),
);
test(
  'CopyIgnoredFile: below a folder',
  finds,
  { lines: 'COPY d/a /', files: ['d/a'], ignore: 'd\n' },
  excluded('d/a'),
);
test('CopyIgnoredFile: brought back', finds, { lines: 'COPY d/a /', files: ['d/a'], ignore: 'd\n!d/a\n' });
test('CopyIgnoredFile: another file', finds, { lines: 'COPY b /', files: ['a', 'b'], ignore: 'a\n' });
test('CopyIgnoredFile: a wildcard that still finds something', finds, {
  lines: 'COPY * /',
  files: ['a', 'b'],
  ignore: 'a\n',
});
test('CopyIgnoredFile: of an image', finds, { lines: 'COPY --from=busybox a /', ignore: 'a\n' });
test(
  'CopyWildcardNoMatch',
  finds,
  { lines: 'COPY *.txt /', files: ['a'] },
  'CopyWildcardNoMatch: The wildcard "*.txt" matches nothing in the build context',
);
test('CopyWildcardNoMatch: one that matches', finds, { lines: 'COPY *.txt /', files: ['a.txt'] });
test(
  'CopyPathCase',
  finds,
  { lines: 'COPY readme.md /', files: ['README.md'] },
  'CopyPathCase: "readme.md" is written "README.md" in the build context',
);
test(
  'CopyPathCase: a folder',
  finds,
  { lines: 'COPY Src/a /', files: ['src/a'] },
  'CopyPathCase: "Src/a" is written "src/a" in the build context',
);
test('CopyPathCase: as on disk', finds, { lines: 'COPY README.md /', files: ['README.md', 'readme.md'] });
test(
  'SecretFileCopied: in a folder',
  finds,
  { lines: 'COPY d /d', files: ['d/.env'] },
  'SecretFileCopied: "d/.env" among the copied files holds secrets',
);
test('SecretFileCopied: kept out', finds, {
  lines: 'COPY d /d',
  files: ['d/.env', 'd/a'],
  ignore: '**/.env\n',
});

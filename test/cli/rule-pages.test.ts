/** docs/rules: every rule has a page; its bad example is found by that rule alone, its good one by none. */
import test from 'ava';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ruleInfos, rulePage } from '../../src/parser/lint/rules.js';
import { runCli } from '../helpers/cli-run.js';
import { projectRoot } from '../helpers/project.js';
import { scratchOf } from '../helpers/stores.js';

const folder = join(projectRoot, 'docs/rules');

/** Found only while building: test/graph/lower.test.ts has it. */
const needsImage = new Set(['InvalidBaseImagePlatform']);

function section(page: string, title: string): string {
  const [, text = ''] = new RegExp(`^## ${title}\\n\\n([^]*?)(?=^## |(?![^]))`, 'm').exec(page) ?? [];
  return text;
}

function example(page: string, title: string): string {
  return /^```dockerfile\n([^]*?)^```$/m.exec(section(page, title))?.[1] ?? '';
}

function writeContext(context: string, page: string): void {
  const text = section(page, 'Build context of the examples');
  for (const [, name = '', content = ''] of text.matchAll(/^```text (\S+)\n([^]*?)^```$/gm)) {
    writeFileSync(join(context, name), content);
  }
  for (const [, name = ''] of text.matchAll(/an empty file `(.*)`/g)) writeFileSync(join(context, name), '');
}

async function rulesFound(root: string, dockerfile: string, page: string): Promise<string[]> {
  const context = join(root, 'context');
  mkdirSync(context, { recursive: true });
  writeContext(context, page);
  writeFileSync(join(context, 'Dockerfile'), dockerfile);
  const { stdout } = await runCli(root, ['build', '--call=check,format=json', context]);
  const answer = JSON.parse(stdout) as { readonly warnings: readonly { readonly ruleName: string }[] };
  return answer.warnings.map(({ ruleName }) => ruleName);
}

test('there is a page for every rule and no other, and the index names each', (t) => {
  const pages = readdirSync(folder).filter((name) => name !== 'README.md');
  t.deepEqual(pages.sort(), [...ruleInfos.keys()].map((name) => `${name}.md`).sort());
  const index = readFileSync(join(folder, 'README.md'), 'utf8');
  for (const name of ruleInfos.keys()) t.true(index.includes(`- [${name}](${name}.md): `), name);
});

for (const name of ruleInfos.keys()) {
  const page = readFileSync(join(projectRoot, rulePage(name)), 'utf8');
  if (!needsImage.has(name)) {
    test(`${name}: the bad example is found by this rule alone`, async (t) => {
      const found = await rulesFound(scratchOf(t, 'rules'), example(page, 'Bad'), page);
      t.deepEqual([...new Set(found)], [name]);
    });
  }
  test(`${name}: the good example is found by no rule`, async (t) => {
    t.not(example(page, 'Good'), '');
    t.deepEqual(await rulesFound(scratchOf(t, 'rules'), example(page, 'Good'), page), []);
  });
}

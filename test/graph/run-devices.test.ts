/** RUN --device: which devices are allowed, what becomes of aliases, and what is in the key. */
import test from 'ava';
import { parseAllow } from '../../src/cli/allow-option.js';
import { parseCdiSpec } from '../../src/executor/cdi/parse-spec.js';
import { joinSpecs } from '../../src/executor/cdi/registry.js';
import type { ExecDevice } from '../../src/graph/ops.js';
import { execRecipe } from '../../src/graph/runners/exec-recipe.js';
import { TsbuildError } from '../../src/util/errors.js';
import { lastRun, lowered } from '../helpers/lowered.js';

const open = { 'org.mobyproject.buildkit.device.autoallow': 'true' };
const shut = { 'org.mobyproject.buildkit.device.autoallow': 'false' };
const devices = [
  { name: 'a' },
  { name: 'b' },
  { name: 'open', annotations: open },
  { name: 'shut', annotations: shut },
];
const { registry } = joinSpecs([
  [{ path: '/a.json', devices: parseCdiSpec({ cdiVersion: '0.6.0', kind: 'vendor.com/gpu', devices }) }],
]);

/** The last RUN of a Dockerfile on a machine with these devices, with these values of --allow. */
async function exec(text: string, allow: readonly string[] = []) {
  const given = { allowedDevices: parseAllow(allow).devices, devices: () => Promise.resolve(registry) };
  const { vertex } = await lowered(`FROM base\n${text}`, given);
  return lastRun(vertex);
}

const becomes = test.macro({
  exec: async (
    t,
    flags: string,
    allow: readonly string[],
    expected: readonly (readonly [string, boolean])[],
  ) => {
    const wanted = expected.map(([name, required]): ExecDevice => ({ name, required }));
    t.deepEqual((await exec(`RUN ${flags} true`, allow)).devices, wanted);
  },
  title: (title = '', flags, allow: readonly string[]) => `${title}: ${flags} with ${allow.join(' ')}`,
});

const a = 'vendor.com/gpu=a';
test('all are allowed', becomes, `--device=${a},required`, ['device'], [[a, true]]);
test('all are allowed', becomes, '--device=vendor.com/gpu=*', ['device='], [['vendor.com/gpu=*', false]]);
test('one is allowed', becomes, `--device=${a}`, [`device=${a}`], [[a, false]]);
test('the first of a kind is allowed', becomes, `--device=${a}`, ['device=vendor.com/gpu'], [[a, false]]);
test(
  'a kind is allowed',
  becomes,
  '--device=vendor.com/gpu=b',
  ['device=vendor.com/gpu=*'],
  [['vendor.com/gpu=b', false]],
);
test('the spec allows it', becomes, '--device=vendor.com/gpu=open', [], [['vendor.com/gpu=open', false]]);
test(
  'several',
  becomes,
  `--device=vendor.com/gpu=b --device=${a}`,
  ['network.host,device'],
  [
    ['vendor.com/gpu=b', false],
    [a, false],
  ],
);
test(
  'one that is not there needs no grant',
  becomes,
  '--device=vendor.com/other',
  [],
  [['vendor.com/other', false]],
);
test(
  'one that is missing is said when the step runs',
  becomes,
  '--device=vendor.com/x=y,required',
  [],
  [['vendor.com/x=y', true]],
);
test('an alias', becomes, '--device=gpu,required', [`device=${a},alias=gpu`], [[a, true]]);
test(
  'an alias with the name of another device',
  becomes,
  '--device=vendor.com/gpu=b',
  [`device=${a},alias=vendor.com/gpu=b`],
  [[a, false]],
);
test(
  'names are not expanded',
  becomes,
  '--device=vendor.com/gpu=$A',
  ['device'],
  [['vendor.com/gpu=$A', false]],
);

const refused = test.macro({
  exec: async (t, text: string, allow: readonly string[], message: RegExp) => {
    const error = await t.throwsAsync(exec(text, allow), { instanceOf: TsbuildError, message });
    t.truthy(error?.range);
  },
  title: (title = '', text: string, allow: readonly string[]) =>
    `${title} refused: ${text.replaceAll('\n', '⏎')} with ${allow.join(' ')}`,
});

const notAllowed = /asks for "vendor.com\/gpu=\w+", which is not allowed/;
test('nothing is allowed', refused, `RUN --device=${a} true`, [], notAllowed);
test('nothing is allowed', refused, 'RUN --device=vendor.com/gpu true', [], notAllowed);
test('another is allowed', refused, 'RUN --device=vendor.com/gpu=b true', [`device=${a}`], notAllowed);
test('not all are allowed', refused, 'RUN --device=vendor.com/gpu=* true', [`device=${a}`], notAllowed);
test(
  'another right is allowed',
  refused,
  `RUN --device=${a} true`,
  ['network.host,security.insecure'],
  notAllowed,
);
test('the spec does not allow it', refused, 'RUN --device=vendor.com/gpu=shut true', [], notAllowed);
test(
  'an alias allows no other name',
  refused,
  `RUN --device=vendor.com/gpu=b true`,
  [`device=${a},alias=gpu`],
  notAllowed,
);
test(
  'a stage that is only mounted',
  refused,
  `FROM base AS x\nRUN --device=${a} true\nFROM base\nRUN --mount=from=x,target=/x true`,
  [],
  notAllowed,
);
test(
  'no name of a device',
  refused,
  'RUN --device=gpu true',
  ['device'],
  /"gpu" is not the name of a device/,
);

const keyed = test.macro({
  exec: async (t, one: string, other: string, same: boolean) => {
    const recipe = async (flags: string) =>
      execRecipe(await exec(`RUN ${flags} true`, ['device', `device=${a},alias=gpu`]));
    if (same) t.deepEqual(await recipe(one), await recipe(other));
    else t.notDeepEqual(await recipe(one), await recipe(other));
  },
  title: (_, one, other, same) => `key: ${one} and ${other} are ${same ? 'equal' : 'different'}`,
});

test(keyed, `--device=${a}`, '', false);
test(keyed, `--device=${a}`, `--device=${a},required`, false);
test(keyed, `--device=${a}`, '--device=vendor.com/gpu=b', false);
test(keyed, `--device=${a}`, '--device=vendor.com/gpu', false);
test(keyed, `--device=${a}`, '--device=gpu', true);

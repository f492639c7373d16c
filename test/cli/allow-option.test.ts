/** What --allow grants. */
import test from 'ava';
import { parseAllow } from '../../src/cli/allow-option.js';
import { TsbuildError } from '../../src/util/errors.js';

const grants = test.macro({
  exec: (
    t,
    texts: readonly string[],
    expected: {
      readonly rights?: readonly string[];
      readonly all?: boolean;
      readonly names?: Readonly<Record<string, string>>;
    },
  ) => {
    const { entitlements, devices } = parseAllow(texts);
    t.deepEqual([...entitlements], expected.rights ?? []);
    t.deepEqual(devices, {
      all: expected.all ?? false,
      names: new Map(Object.entries(expected.names ?? {})),
    });
  },
  title: (_, texts: readonly string[]) => `grants: ${texts.join(' and ')}`,
});

test(grants, [], {});
test(grants, ['network.host'], { rights: ['network.host'] });
test(grants, ['network.host,security.insecure'], { rights: ['network.host', 'security.insecure'] });
test(grants, ['device'], { all: true });
test(grants, ['device='], { all: true });
test(grants, ['device=v.com/c=x'], { names: { 'v.com/c=x': 'v.com/c=x' } });
test(grants, ['device=v.com/c=x,alias=gpu'], { names: { gpu: 'v.com/c=x' } });
test(grants, ['device=v.com/c,alias=gpu', 'device=v.com/d,security.insecure'], {
  rights: ['security.insecure'],
  names: { gpu: 'v.com/c', 'v.com/d': 'v.com/d' },
});
test(grants, ['device', 'device=v.com/c,alias=gpu'], { all: true, names: { gpu: 'v.com/c' } });

const refused = test.macro({
  exec: (t, text: string) => {
    t.throws(() => parseAllow([text]), { instanceOf: TsbuildError, code: 'usage', message: /does not know/ });
  },
  title: (_, text: string) => `refused: --allow ${text}`,
});

for (const text of [
  'network',
  'devices',
  'Device',
  'alias=gpu',
  'network.host,alias=gpu',
  'device,alias=gpu',
  'device=v.com/c,name=gpu',
  'device=v.com/c,alias=',
]) {
  test(refused, text);
}

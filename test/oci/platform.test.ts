import test from 'ava';
import { formatPlatform, hostPlatform, parsePlatform } from '../../src/oci/platform.js';
import { TsbuildError } from '../../src/util/errors.js';

const named = test.macro({
  exec(t, text: string, expected: string) {
    t.is(formatPlatform(parsePlatform(text)), expected);
  },
  title: (rule = '', text: string) => `${rule}: ${text}`,
});

test('system and architecture', named, 'linux/amd64', 'linux/amd64');
test('in any case', named, 'Linux/AMD64', 'linux/amd64');
test('other names of architectures', named, 'linux/x86_64', 'linux/amd64');
test('other names of architectures', named, 'linux/aarch64', 'linux/arm64');
test('other names of architectures', named, 'linux/armhf', 'linux/arm/v7');
test('an architecture alone is of linux', named, 'arm64', 'linux/arm64');
test('an architecture alone is of linux', named, 's390x', 'linux/s390x');
test('linux alone is this machine', named, 'linux', `linux/${hostPlatform().architecture}`);
test('arm is v7 unless told', named, 'linux/arm', 'linux/arm/v7');
test('variants', named, 'linux/arm/v6', 'linux/arm/v6');
test('the variant that every arm64 has is left out', named, 'linux/arm64/v8', 'linux/arm64');
test('the variant that every amd64 has is left out', named, 'linux/amd64/v1', 'linux/amd64');
test('names of object members are names', named, 'linux/constructor', 'linux/constructor');
test('a system may be any', named, 'freebsd/riscv64', 'freebsd/riscv64');

const refused = test.macro({
  exec(t, text: string) {
    const error = t.throws(() => parsePlatform(text), { instanceOf: TsbuildError });
    t.is(error?.code, 'usage');
  },
  title: (_, text: string) => `no platform: ${JSON.stringify(text)}`,
});
for (const text of ['', '/', 'linux/', 'foo', 'windows', 'constructor', 'linux/a/b/c', 'linux/a b', '$P'])
  test(refused, text);

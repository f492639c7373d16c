import test from 'ava';
import { looksSecret } from '../../src/cache/looks-secret.js';
import { digestOf } from '../../src/oci/digest.js';

const looks = test.macro((t, name: string, value: string, secret: boolean) => {
  t.is(looksSecret(name, value), secret);
});

for (const name of [
  'DB_PASSWORD',
  'NPM_TOKEN',
  'api_key',
  'AWS_SECRET_ACCESS_KEY',
  'KEY',
  'MY_PAT',
  'authToken',
])
  test(`the name ${name}`, looks, name, '1', true);
for (const name of ['VERSION', 'KEYBOARD', 'PATH', 'PATTERN', 'MONKEY'])
  test(`an ordinary name: ${name}`, looks, name, '1', false);

test('a token of GitHub', looks, 'X', 'ghp_0123456789abcdefghijklmnopqrstuvwxyz', true);
test('a key of AWS', looks, 'X', 'AKIAIOSFODNN7EXAMPLE', true);
test('a JSON web token', looks, 'X', 'eyJhbGciOiJIUzI1NiJ9.e30.x', true);
test('a PEM block', looks, 'X', '-----BEGIN PRIVATE KEY-----', true);
test('a password in a URL', looks, 'X', 'https://user:hunter2@example.com/', true);
test('a user in a URL', looks, 'X', 'https://user@example.com/', false);
test('a long random word', looks, 'X', 'q8Zt4Lw0Xy7Rk2Bv9Nc5Hd3Jf6Gs1Pm4Qa', true);
test('a long word without digits', looks, 'X', 'abcdefghijklmnopqrstuvwxyzabcdefghij', false);
test('a digest', looks, 'X', digestOf('x'), false);
test('a path with the digest of what is there', looks, 'files of app', `app\0${digestOf('x')}`, false);
test('a digest with a random word', looks, 'X', `${digestOf('x')} q8Zt4Lw0Xy7Rk2Bv9Nc5Hd3Jf6Gs1Pm4Qa`, true);

/** Rules of the client that are functions: referrals, platforms, redaction, names of answers. */
import test from 'ava';
import type { Platform } from '../../src/oci/platform.js';
import type { Descriptor, Index } from '../../src/oci/types.js';
import { mediaTypes } from '../../src/oci/media-types.js';
import { digestOf } from '../../src/oci/digest.js';
import { choosePlatform } from '../../src/registry/choose-platform.js';
import { foreignText, redactUrl } from '../../src/registry/redact.js';
import { referredUrl } from '../../src/registry/referral.js';
import { TsbuildError } from '../../src/util/errors.js';

const referral = test.macro({
  exec(t, home: string, location: string, expected: string | RegExp) {
    const base = new URL(home);
    const referrals = {
      home: { registry: base.host, base: new URL(base.origin), insecure: false },
      isInsecure: (url: URL) => url.hostname === 'insecure.com',
    };
    if (typeof expected === 'string') t.is(referredUrl(referrals, location, base).href, expected);
    else
      t.throws(() => referredUrl(referrals, location, base), { instanceOf: TsbuildError, message: expected });
  },
  title: (_, home: string, location: string) => `${home} refers to ${location}`,
});
const home = 'https://reg.com/v2/a/blobs/uploads/1';
test(referral, home, '/x?a=b%2F', 'https://reg.com/x?a=b%2F');
test(referral, home, '2', 'https://reg.com/v2/a/blobs/uploads/2');
test(referral, home, '../../../../../x', 'https://reg.com/x');
test(referral, home, '//other.com/x', 'https://other.com/x');
test(referral, home, 'https://storage.com/x?sig=1#part', 'https://storage.com/x?sig=1');
test(referral, home, 'http://reg.com/x?y', 'https://reg.com/x?y');
test(referral, 'https://reg.com:5000/v2/', 'http://reg.com:5000/x', 'https://reg.com:5000/x');
test(referral, 'https://reg.com:5000/v2/', 'http://reg.com/x', 'https://reg.com:5000/x');
test(referral, 'https://reg.com:5000/v2/', 'http://reg.com:5001/x', /plain http/);
test(referral, home, 'http://other.com/x', /plain http/);
test(referral, home, 'http://insecure.com/x', 'http://insecure.com/x');
test(referral, home, 'http://localhost/x', /plain http/);
test(referral, 'http://localhost:5000/v2/', 'http://localhost:5001/x', 'http://localhost:5001/x');
test(referral, 'http://localhost:5000/v2/', 'http://127.0.0.1/x', 'http://127.0.0.1/x');
test(referral, 'http://localhost:5000/v2/', 'http://other.com/x', /plain http/);
test(referral, 'http://insecure.com/v2/', 'http://insecure.com/x', 'http://insecure.com/x');
test(referral, home, 'https://u@reg.com/x', /user name/);
test(referral, home, 'mailto:x', /not http/);

const index = (...platforms: (Descriptor['platform'] | undefined)[]): Index => ({
  schemaVersion: 2,
  manifests: platforms.map((platform, i) => ({
    mediaType: mediaTypes.ociManifest,
    digest: digestOf(String(i)),
    size: i,
    ...(platform === undefined ? {} : { platform }),
  })),
});
const linux = (architecture: string, variant?: string) => ({
  os: 'linux',
  architecture,
  ...(variant === undefined ? {} : { variant }),
});

const platform = test.macro({
  exec(
    t,
    members: readonly (Descriptor['platform'] | undefined)[],
    wanted: Platform,
    expected: number | undefined,
  ) {
    t.is(choosePlatform(index(...members), wanted)?.size, expected);
  },
  title: (name) => `platform: ${name}`,
});
test('exactly', platform, [linux('arm64'), linux('amd64')], linux('amd64'), 1);
test('the first of two', platform, [linux('amd64'), linux('amd64')], linux('amd64'), 0);
test('arm64 means v8', platform, [linux('amd64'), linux('arm64', 'v8')], linux('arm64'), 1);
test('v8 of arm64 is arm64', platform, [linux('arm64')], linux('arm64', 'v8'), 0);
test('arm64 v9 runs v8', platform, [linux('arm64', 'v8')], linux('arm64', 'v9'), 0);
test('arm64 v8 does not run v9', platform, [linux('arm64', 'v9')], linux('arm64'), undefined);
test('arm means v7', platform, [linux('arm', 'v6'), linux('arm', 'v7')], linux('arm'), 1);
test('arm v7 runs v6', platform, [linux('arm', 'v5'), linux('arm', 'v6')], linux('arm', 'v7'), 1);
test('arm v7 runs v5', platform, [linux('arm', 'v5')], linux('arm', 'v7'), 0);
test('arm v6 does not run v7', platform, [linux('arm', 'v7')], linux('arm', 'v6'), undefined);
test('arm without a variant is v7', platform, [linux('arm')], linux('arm', 'v6'), undefined);
test('arm with a variant without v', platform, [linux('arm', '6')], linux('arm', 'v6'), 0);
test('arm64 does not run arm', platform, [linux('arm', 'v7')], linux('arm64'), undefined);
test(
  'amd64 v3 prefers v3',
  platform,
  [linux('amd64'), linux('amd64', 'v3'), linux('amd64', 'v2')],
  linux('amd64', 'v3'),
  1,
);
test('amd64 v3 runs plain amd64', platform, [linux('amd64')], linux('amd64', 'v3'), 0);
test('amd64 does not run v2', platform, [linux('amd64', 'v2')], linux('amd64'), undefined);
test(
  'a variant that nobody knows',
  platform,
  [linux('mips', 'x'), linux('mips', 'y')],
  linux('mips', 'y'),
  1,
);
test('another system', platform, [{ os: 'windows', architecture: 'amd64' }], linux('amd64'), undefined);
test('one without a platform', platform, [undefined], linux('amd64'), 0);
test('two without a platform', platform, [undefined, undefined], linux('amd64'), undefined);
test(
  'an attestation',
  platform,
  [{ os: 'unknown', architecture: 'unknown' }, linux('amd64')],
  linux('amd64'),
  1,
);
test(
  'only an attestation',
  platform,
  [{ os: 'unknown', architecture: 'unknown' }],
  { os: 'unknown', architecture: 'unknown' },
  undefined,
);
test('none at all', platform, [], linux('amd64'), undefined);

test('artifacts with a platform are not chosen', (t) => {
  const manifests: Descriptor[] = [
    { mediaType: 'application/vnd.example', digest: digestOf('a'), size: 1, platform: linux('amd64') },
    {
      mediaType: mediaTypes.ociManifest,
      digest: digestOf('b'),
      size: 2,
      platform: linux('amd64'),
      annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
    },
  ];
  t.is(choosePlatform({ schemaVersion: 2, manifests }, linux('amd64')), undefined);
});

const redacted = test.macro({
  exec: (t, url: string, expected: string) => t.is(redactUrl(url), expected),
  title: (_, url: string) => `redacted: ${url.slice(0, 80)}`,
});
test(redacted, 'https://u:p@reg.com/v2/?digest=sha256:1#x', 'https://reg.com/v2/?digest=sha256:1');
test(
  redacted,
  'https://s3.com/x?X-Amz-Signature=abc&X-Amz-Credential=k&n=5',
  'https://s3.com/x?X-Amz-Signature=…&X-Amz-Credential=…&n=5',
);
test(redacted, 'https://blob.core/x?sv=1&sig=a%2Bb', 'https://blob.core/x?sv=…&sig=…');
test(redacted, 'nonsense', '(unreadable URL)');

const cleaned = test.macro({
  exec: (t, text: string, expected: string, secrets: readonly string[] = []) =>
    t.is(foreignText(text, secrets), expected),
  title: (_, text: string) => `foreign text: ${JSON.stringify(text.slice(0, 60))}`,
});
test(cleaned, 'plain text – ä', 'plain text – ä');
test(cleaned, 'a\u001b[2Jb\nc\u202e\u009b', 'a\\u{1b}[2Jb\\u{a}c\\u{202e}\\u{9b}');
test(cleaned, 'got Authorization: Bearer abcdef.ghijk', 'got Authorization: Bearer …');
test(cleaned, 'token eyJhbGciOi.eyJpc3Mi.sig-x end', 'token … end');
test(cleaned, 'see https://u:p@reg.com/x?signature=abc&b=1', 'see https://reg.com/x?signature=…&b=1');
test(cleaned, 'my password hunter22 here', 'my password … here', ['hunter22']);
test(cleaned, 'x'.repeat(600), `${'x'.repeat(500)}…`);

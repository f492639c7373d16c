import test from 'ava';
import {
  familiarReference,
  formatReference,
  parseReference,
  withDefaultTag,
} from '../../src/oci/reference.js';
import { TsbuildError } from '../../src/util/errors.js';

const hex = 'a'.repeat(64);
const digest = `sha256:${hex}`;

const accepted = test.macro({
  exec(t, text: string, full: string, familiar: string) {
    const reference = parseReference(text);
    t.is(formatReference(reference), full);
    t.is(familiarReference(reference), familiar);
    t.deepEqual(parseReference(full), reference);
    t.deepEqual(parseReference(familiar), reference);
  },
  title: (_, text: string) => `accepted: ${text}`,
});

test(accepted, 'busybox', 'docker.io/library/busybox', 'busybox');
test(accepted, 'busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox:1.36');
test(accepted, 'library/busybox', 'docker.io/library/busybox', 'busybox');
test(accepted, 'user/app', 'docker.io/user/app', 'user/app');
test(accepted, 'index.docker.io/busybox', 'docker.io/library/busybox', 'busybox');
test(accepted, 'docker.io/library/a/b', 'docker.io/library/a/b', 'library/a/b');
test(accepted, `busybox@${digest}`, `docker.io/library/busybox@${digest}`, `busybox@${digest}`);
test(accepted, `x:y@${digest}`, `docker.io/library/x:y@${digest}`, `x:y@${digest}`);
test(accepted, 'localhost/app', 'localhost/app', 'localhost/app');
test(accepted, 'localhost:5000/app:v1', 'localhost:5000/app:v1', 'localhost:5000/app:v1');
test(accepted, '127.0.0.1:5000/a/b/c', '127.0.0.1:5000/a/b/c', '127.0.0.1:5000/a/b/c');
test(accepted, '[::1]:5000/app', '[::1]:5000/app', '[::1]:5000/app');
test(accepted, 'ghcr.io/org/app:1', 'ghcr.io/org/app:1', 'ghcr.io/org/app:1');
test(accepted, 'GHCR.io:443/org/app', 'ghcr.io:443/org/app', 'ghcr.io:443/org/app');
test(accepted, 'LocalHost/app', 'localhost/app', 'localhost/app');
test(accepted, 'a__b/c--d/e.f_g', 'docker.io/a__b/c--d/e.f_g', 'a__b/c--d/e.f_g');
test(accepted, 'app:V1.0_x-y', 'docker.io/library/app:V1.0_x-y', 'app:V1.0_x-y');

const refused = test.macro({
  exec(t, text: string, hint: RegExp) {
    const error = t.throws(() => parseReference(text), { instanceOf: TsbuildError });
    t.is(error?.code, 'usage');
    t.regex(error?.hint ?? '', hint);
    t.notRegex(error?.message ?? '', /\p{Cc}/u);
  },
  title: (_, text: string) => `refused: ${JSON.stringify(text.slice(0, 60))} (${text.length})`,
});

test(refused, '', /missing/);
test(refused, ':tag', /missing/);
test(refused, 'app:', /tag after the colon/);
test(refused, 'app:-x', /tag/);
test(refused, 'app:.x', /tag/);
test(refused, `app:${'x'.repeat(129)}`, /tag/);
test(refused, 'app:a\nb', /tag/);
test(refused, 'App', /lower case/);
test(refused, 'user/App', /lower case/);
test(refused, 'User/app', /lower case/);
test(refused, '-x', /dash/);
test(refused, 'a/-x', /lower-case letters/);
test(refused, 'a//b', /lower-case letters/);
test(refused, '/a', /lower-case letters/);
test(refused, 'a/', /lower-case letters/);
test(refused, 'a/../b', /host|lower-case letters/);
test(refused, '../a', /host/);
test(refused, 'a___b', /lower-case letters/);
test(refused, 'a..b', /lower-case letters/);
test(refused, 'café', /lower-case letters/);
test(refused, 'app ', /lower-case letters/);
test(refused, 'https://ghcr.io/app', /scheme|host/);
test(refused, 'evil.com:x/app', /host/);
test(refused, '-evil.com/app', /host/);
test(refused, 'user:pass@host/app', /digest/);
test(refused, `app@sha256:${'A'.repeat(64)}`, /digest/);
test(refused, 'app@sha256:../..', /digest/);
test(refused, `app@sha512:${'a'.repeat(128)}`, /digest/);
test(refused, 'app@md5:d41d8cd98f00b204e9800998ecf8427e', /digest/);
test(refused, `x:y@z@w`, /digest/);
test(refused, `app@${digest}@${digest}`, /digest/);
test(refused, hex, /image id/);
test(refused, 'a'.repeat(256), /255/);
test(refused, 'a'.repeat(5000), /too long/);
test(refused, 'a\u0000b', /lower-case letters/);

test('latest is added only where neither tag nor digest stands', (t) => {
  t.is(formatReference(withDefaultTag(parseReference('busybox'))), 'docker.io/library/busybox:latest');
  t.is(formatReference(withDefaultTag(parseReference('busybox:1'))), 'docker.io/library/busybox:1');
  t.is(formatReference(withDefaultTag(parseReference(`a@${digest}`))), `docker.io/library/a@${digest}`);
});

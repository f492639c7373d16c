/** What --dns, --dns-search and --dns-option make of the machine's resolv.conf: buildah's rules. */
import test from 'ava';
import { resolvConfFor } from '../../src/executor/resolv-conf.js';

const own = '# ours\nsearch a.example\nnameserver 192.0.2.1\nnameserver 192.0.2.2\noptions ndots:5 edns0\n';

const becomes = test.macro({
  exec(t, given: Partial<Parameters<typeof resolvConfFor>[0]>, expected: string) {
    const settings = { servers: [], searches: [], options: [], ...given };
    t.is(Buffer.from(resolvConfFor(settings, Buffer.from(own))).toString(), expected);
  },
  title: (rule = '') => rule,
});

test('without settings it is as it is', (t) => {
  t.is(Buffer.from(resolvConfFor(undefined, Buffer.from(own))).toString(), own);
});
test(
  'servers replace servers',
  becomes,
  { servers: ['10.0.0.1', '::1'] },
  '# ours\nsearch a.example\noptions ndots:5 edns0\nnameserver 10.0.0.1\nnameserver ::1\n',
);
test(
  'domains replace domains',
  becomes,
  { searches: ['b', 'c'] },
  '# ours\nnameserver 192.0.2.1\nnameserver 192.0.2.2\noptions ndots:5 edns0\nsearch b c\n',
);
test(
  'a dot is no domain',
  becomes,
  { searches: ['.'] },
  '# ours\nnameserver 192.0.2.1\nnameserver 192.0.2.2\noptions ndots:5 edns0\n',
);
test(
  'options replace options',
  becomes,
  { options: ['rotate', 'ndots:1'] },
  '# ours\nsearch a.example\nnameserver 192.0.2.1\nnameserver 192.0.2.2\noptions rotate ndots:1\n',
);

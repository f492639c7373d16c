/** Capabilities of files as images hold them: revision 2, without the id of a user namespace. */
import test from 'ava';
import { portableCapability } from '../../src/layers/file-capability.js';

/** cap_net_bind_service as setcap writes it. */
const flags = '0004000000000000000000000000000000'.slice(0, 32);

const becomes = test.macro({
  exec(t, from: string, to: string) {
    t.is(Buffer.from(portableCapability(Buffer.from(from, 'hex'))).toString('hex'), to);
  },
  title: (title = '') => `capability: ${title}`,
});

test('revision 3 becomes 2 and loses its root', becomes, `01000003${flags}a0860100`, `01000002${flags}`);
test('revision 3 of another flag', becomes, `00000003${flags}e8030000`, `00000002${flags}`);
test('revision 2 stays', becomes, `01000002${flags}`, `01000002${flags}`);
test('revision 3 of another length stays', becomes, `01000003${flags}`, `01000003${flags}`);
test('nothing stays', becomes, '', '');

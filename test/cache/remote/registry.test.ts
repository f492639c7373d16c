import test from 'ava';
import { startFaultServer } from '../../helpers/fault-server.js';
import { failure } from '../../helpers/memory-registry.js';
import { Machine } from '../../helpers/remote-machine.js';
import { registryBackend } from './backends.js';
import { remoteSuite } from './suite.js';

remoteSuite(test, registryBackend);

test('a registry that lists no tags is used with one warning', async (t) => {
  const fault = { kind: 'answer', answer: failure(403, 'DENIED') } as const;
  const server = await startFaultServer({ rules: [{ path: /tags\/list/, fault }] });
  t.teardown(() => server.close());
  const ref = `${server.host}/team/cache:main`;
  const text = 'FROM scratch\nRUN write a 1\nRUN write b 2';
  const first = await (await Machine.start(t)).build(text, { to: [`type=registry,ref=${ref}`] });
  t.deepEqual(first.commands, ['write a 1', 'write b 2']);
  const second = await (await Machine.start(t)).build(text, { from: [ref] });
  t.deepEqual(second.commands, []);
  t.is(second.warnings.length, 1);
});

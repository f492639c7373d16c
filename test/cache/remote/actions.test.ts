import test from 'ava';
import { ActionsApi } from '../../../src/cache/remote/actions-api.js';
import { ActionsStorage } from '../../../src/cache/remote/actions-storage.js';
import { actionsToken, startActionsCache } from '../../helpers/actions-cache-server.js';
import { noise, recordedJob } from '../../helpers/registry-values.js';
import { actionsBackend } from './backends.js';
import { remoteSuite } from './suite.js';

remoteSuite(test, actionsBackend);

async function* piecesOf(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1_000_003)
    yield await Promise.resolve(bytes.subarray(at, at + 1_000_003));
}

test('a large entry is sent in blocks; a key is made once; a prefix finds the newest', async (t) => {
  const server = await startActionsCache();
  t.teardown(() => server.close());
  const api = new ActionsApi({ url: server.url, token: actionsToken }, recordedJob());
  const bytes = noise(70_000_000);
  t.true(await api.create('big-1', bytes.length, piecesOf(bytes)));
  t.true(server.entries.get('big-1')?.equals(bytes));
  t.false(await api.create('big-1', 1, piecesOf(Buffer.from('x'))));
  t.true(await api.create('big-2', 1, piecesOf(Buffer.from('x'))));
  t.is((await api.find('big-'))?.key, 'big-2');
  t.is(await api.find('small'), undefined);
});

test('without the variables of a job, or with a wrong token, it is said what is missing', async (t) => {
  const place = { type: 'gha', scope: 's', url: undefined, token: undefined } as const;
  t.throws(() => new ActionsStorage(place, {}, recordedJob()), {
    code: 'usage',
    message: /URL and the token/,
  });
  const server = await startActionsCache();
  t.teardown(() => server.close());
  const env = { ACTIONS_RESULTS_URL: server.url, ACTIONS_RUNTIME_TOKEN: 'other' };
  await t.throwsAsync(() => new ActionsStorage(place, env, recordedJob()).load(), { code: 'auth' });
});

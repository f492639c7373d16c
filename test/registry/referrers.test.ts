import test, { type ExecutionContext } from 'ava';
import { digestOf, hexOf } from '../../src/oci/digest.js';
import { mediaTypes } from '../../src/oci/media-types.js';
import { parseReference } from '../../src/oci/reference.js';
import { faults, startFaultServer, type FaultServer, type Rule } from '../helpers/fault-server.js';
import { answer } from '../helpers/memory-registry.js';
import { quickClient, recordedJob } from '../helpers/registry-values.js';

const subject = digestOf('subject');
const entry = (name: string) => ({
  mediaType: mediaTypes.ociManifest,
  digest: digestOf(name),
  size: name.length,
  artifactType: `application/x-${name}`,
});
const index = (...names: string[]) =>
  Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: names.map(entry) }),
  );
const page = (names: string[], link?: string) =>
  answer(
    200,
    { 'Content-Type': mediaTypes.ociIndex, ...(link === undefined ? {} : { Link: link }) },
    index(...names),
  );

async function asked(t: ExecutionContext, rules: readonly Rule[], prepare?: (server: FaultServer) => void) {
  const server = await startFaultServer({ rules });
  t.teardown(() => server.close());
  prepare?.(server);
  const client = quickClient({ retries: { attempts: 1, delay: 1 } });
  t.teardown(() => client.close());
  const found = await client.referrers(parseReference(`${server.host}/app`), subject, recordedJob());
  return found.map(({ artifactType }) => artifactType?.replace('application/x-', ''));
}

const withTag = (server: FaultServer): void => {
  const bytes = index('tagged');
  server.registry.addManifest('app', `sha256-${hexOf(subject)}`, { mediaType: mediaTypes.ociIndex, bytes });
};

test('the API answers', async (t) => {
  t.deepEqual(await asked(t, [{ path: /referrers/, fault: { kind: 'answer', answer: page(['a', 'b']) } }]), [
    'a',
    'b',
  ]);
});

test('the API answers in pages', async (t) => {
  const next = `</v2/app/referrers/${subject}?page=2>; rel="next"`;
  const rules: Rule[] = [
    { path: /page=2/, fault: { kind: 'answer', answer: page(['c']) } },
    { path: /referrers/, fault: { kind: 'answer', answer: page(['a', 'b'], next) } },
  ];
  t.deepEqual(await asked(t, rules), ['a', 'b', 'c']);
});

for (const status of [400, 404, 405, 406, 501]) {
  test(`a registry that answers ${status} is asked for the tag`, async (t) => {
    t.deepEqual(await asked(t, [{ path: /referrers/, fault: faults.status(status) }], withTag), ['tagged']);
  });
}

test('a page of a proxy is no answer of the API', async (t) => {
  const html = answer(200, { 'Content-Type': 'text/html' }, Buffer.from('<html>'));
  t.deepEqual(await asked(t, [{ path: /referrers/, fault: { kind: 'answer', answer: html } }], withTag), [
    'tagged',
  ]);
});

test('neither API nor tag: nothing refers to it', async (t) => {
  t.deepEqual(await asked(t, []), []);
});

test('pages that lead to another host are refused', async (t) => {
  const rules: Rule[] = [
    {
      path: /referrers/,
      fault: { kind: 'answer', answer: page(['a'], '<https://evil.example/x>; rel="next"') },
    },
  ];
  await t.throwsAsync(asked(t, rules), { message: /lead elsewhere/ });
});

test('what is no index is refused', async (t) => {
  const wrong = answer(200, { 'Content-Type': mediaTypes.ociIndex }, Buffer.from('{"manifests": 3}'));
  await t.throwsAsync(asked(t, [{ path: /referrers/, fault: { kind: 'answer', answer: wrong } }]), {
    message: /no index of referrers/,
  });
});

test('a refusal is told', async (t) => {
  await t.throwsAsync(asked(t, [{ path: /referrers/, fault: faults.status(403, 'DENIED') }]), {
    message: /403/,
  });
});

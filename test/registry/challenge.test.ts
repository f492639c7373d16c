import test from 'ava';
import fc from 'fast-check';
import { mergeScopes, parseChallenges, parseScopes } from '../../src/registry/challenge.js';

const parsed = test.macro({
  exec(t, header: string, expected: readonly (readonly [string, Readonly<Record<string, string>>])[]) {
    t.deepEqual(
      parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]),
      expected.map(([scheme, parameters]) => [scheme, parameters]),
    );
  },
  title: (_, header: string) => `challenge: ${JSON.stringify(header.slice(0, 80))}`,
});

test(parsed, '', []);
test(parsed, 'Basic realm="x"', [['basic', { realm: 'x' }]]);
test(parsed, 'Basic', [['basic', {}]]);
test(parsed, 'bearer REALM="https://a/t",service="s",scope="repository:a:pull,push"', [
  ['bearer', { realm: 'https://a/t', service: 's', scope: 'repository:a:pull,push' }],
]);
test(parsed, 'Bearer realm="https://a/t?x=1,2", service=s', [
  ['bearer', { realm: 'https://a/t?x=1,2', service: 's' }],
]);
test(parsed, 'Basic realm="r", Bearer realm="https://a/t",service="s"', [
  ['basic', { realm: 'r' }],
  ['bearer', { realm: 'https://a/t', service: 's' }],
]);
test(parsed, 'Negotiate, Basic realm="r"', [
  ['negotiate', {}],
  ['basic', { realm: 'r' }],
]);
test(parsed, 'Bearer realm = "x" , service = "y"', [['bearer', { realm: 'x', service: 'y' }]]);
test(parsed, 'Bearer realm="x" service="y"', [['bearer', { realm: 'x', service: 'y' }]]);
test(parsed, 'Bearer realm="a\\"b\\\\c"', [['bearer', { realm: 'a"b\\c' }]]);
test(parsed, 'Bearer realm="unterminated', [['bearer', { realm: '' }]]);
test(parsed, 'Bearer realm=', [['bearer', { realm: '' }]]);
test(parsed, '"nonsense"', []);
test(parsed, 'Bearer realm=https://a/t?b=c', [['bearer', { realm: 'https://a/t?b=c' }]]);
test(parsed, `Bearer realm="${'x'.repeat(20_000)}"`, []);

test('any header is read without failing, in linear time', (t) => {
  const piece = fc.constantFrom('Bearer', 'Basic', ' ', ',', '=', '"', '\\', 'realm', 'a/b', '\t', 'é', ';');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 200 }), (pieces) =>
      Array.isArray(parseChallenges(pieces.join(''))),
    ),
  );
  t.true(Array.isArray(parseChallenges('a="'.repeat(5000))));
});

test('what is quoted comes back', (t) => {
  const text = fc.string({ maxLength: 50 }).filter((value) => /^[\x20-\x7e]*$/.test(value));
  fc.assert(
    fc.property(text, text, (realm, service) => {
      const quote = (value: string) => `"${value.replace(/["\\]/g, '\\$&')}"`;
      const [challenge] = parseChallenges(`Bearer realm=${quote(realm)}, service=${quote(service)}`);
      return challenge?.parameters.get('realm') === realm && challenge.parameters.get('service') === service;
    }),
  );
  t.pass();
});

test('scopes are merged by type and name', (t) => {
  t.deepEqual(
    mergeScopes([
      ...parseScopes('repository:b:pull repository:a:pull'),
      ...parseScopes('repository:b:push,pull'),
    ]),
    ['repository:a:pull', 'repository:b:pull,push'],
  );
  t.deepEqual(parseScopes('nonsense repository:host:5000/a:pull'), [
    { type: 'repository', name: 'host:5000/a', actions: ['pull'] },
  ]);
});

/** Flags: which words are flags, what values they take, and where variables count in them. */
import test from 'ava';
import { errorsIn, means, refused } from '../helpers/parsed.js';

const arguments_: ReadonlyMap<string, string> = new Map([
  ['ADD', 'a b'],
  ['ARG', 'A=1'],
  ['CMD', 'a'],
  ['COPY', 'a b'],
  ['ENTRYPOINT', 'a'],
  ['ENV', 'A=1'],
  ['EXPOSE', '80'],
  ['HEALTHCHECK', 'CMD a'],
  ['LABEL', 'a=1'],
  ['MAINTAINER', 'a'],
  ['ONBUILD', 'RUN a'],
  ['RUN', 'a'],
  ['SHELL', '["a"]'],
  ['STOPSIGNAL', '9'],
  ['USER', 'a'],
  ['VOLUME', '/a'],
  ['WORKDIR', '/a'],
]);

for (const [keyword, rest] of arguments_) {
  test(
    'every instruction refuses unknown flags',
    refused,
    `${keyword} --foo=1 ${rest}`,
    /^unknown flag: --foo \(/,
    2,
  );
  test(`two dashes end the flags of every instruction: ${keyword}`, (t) => {
    t.deepEqual(errorsIn(`FROM a\n${keyword} -- ${rest}`), []);
  });
}
test(
  'FROM refuses unknown flags',
  refused,
  'FROM --platfrom=x a',
  /^unknown flag: --platfrom \(did you mean --platform\?\)/,
  1,
);
test('HEALTHCHECK NONE has no flags', refused, 'HEALTHCHECK --interval=1s NONE', /^unknown flag: --interval/);
test('the trigger of ONBUILD has flags of its own', refused, 'ONBUILD RUN --foo a', /^unknown flag: --foo/);

test(
  'an argument that begins with two dashes is a flag',
  refused,
  'CMD --foo',
  /^unknown flag: --foo \(this instruction has no flags; write -- before/,
);
test('behind -- it is an argument', means, 'CMD -- --foo', { command: { form: 'shell', text: '--foo' } });
test('behind -- JSON is JSON', means, 'ENTRYPOINT -- ["a"]', { command: { form: 'exec', argv: ['a'] } });
test('one dash begins no flag', means, 'CMD -x', { command: { form: 'shell', text: '-x' } });
test('flags end at the first other word', means, 'COPY --link a --chown=1 /x', {
  link: true,
  sources: ['a', '--chown=1'],
});
test('behind CMD of HEALTHCHECK they are its arguments', means, 'HEALTHCHECK CMD --interval=1s a', {
  test: { form: 'shell', text: '--interval=1s a' },
});
test('an escaped dash begins no flag', means, 'COPY \\--chown=1 a /', { sources: ['\\--chown=1', 'a'] });
test('a quoted dash begins no flag', means, 'COPY "--chown=1" a /', { sources: ['"--chown=1"', 'a'] });
test('three dashes', refused, 'COPY ---x a /', /^unknown flag: ---x/);
test(
  'names of flags have a case',
  refused,
  'COPY --CHOWN=1 a /',
  /^unknown flag: --CHOWN \(did you mean --chown\?\)/,
);

test('double quotes are removed', means, 'COPY --chown="1:"2 a /', { chown: '1:2' });
test('single quotes are removed', means, "COPY --chown='1 :2' a /", { chown: '1 :2' });
test('the other quote is text', means, `RUN --mount="from=1'2,target=/x" a`, {
  mounts: [
    {
      options: [
        ['from', "1'2"],
        ['target', '/x'],
      ],
    },
  ],
});
test('the escape takes the next character', means, 'COPY --exclude=1\\ \\"2 a /', { exclude: ['1 "2'] });
test('a value may hold equals signs', means, 'COPY --chown=a=b a /', { chown: 'a=b' });

test('a bare boolean flag is true', means, 'COPY --link a /', { link: true });
for (const [word, value] of [['true', true], ['TRUE', true], ['False', false]] as const) {
  test('boolean values in any case', means, `COPY --link=${word} a /`, { link: value });
} // prettier-ignore
test(
  'an empty boolean',
  refused,
  'COPY --link= a /',
  /^missing a value on flag: --link \(write --link or --link=true\)/,
);
test(
  'a boolean that is none',
  refused,
  'COPY --link=1 a /',
  /^expecting boolean value for flag --link, not: "1"/,
);
test(
  'a flag that needs a value',
  refused,
  'COPY --chown a /',
  /^missing a value on flag: --chown \(write --chown=<value>\)/,
);
for (const flag of ['chown', 'chmod', 'from']) {
  test('an empty value counts as none', means, `COPY --${flag}= a /`, { kind: 'COPY', sources: ['a'] });
}
for (const twice of [
  'COPY --chown=1 --chown=2',
  'COPY --link --link=false',
  'COPY --from=a --from=a',
  'COPY --chmod=1 --chmod=1',
]) {
  test('a flag that is no list, twice', refused, `${twice} a /`, /^duplicate flag specified: --/);
}
test('--exclude is a list', means, 'COPY --exclude=a --exclude=b . /', { exclude: ['a', 'b'] });
test('--mount is a list', means, 'RUN --mount=target=/a --mount=target=/b x', {
  mounts: [{ type: 'bind' }, { type: 'bind' }],
});

const unknown: readonly (readonly [line: string, hint: RegExp])[] = [
  ['COPY --chwon=1 a /', /did you mean --chown\?/],
  ['COPY --form=x a /', /did you mean --from\?/],
  [
    'COPY --checksum=x a /',
    /flags of this instruction are --chown, --chmod, --link, --exclude, --from, --parents/,
  ],
  ['ADD --from=x a /', /flags of this instruction are .*--checksum, --keep-git-dir, --unpack/],
  ['RUN --mout=x a', /did you mean --mount\?/],
  ['RUN --privileged a', /flags of this instruction are --mount, --network, --security, --device/],
  ['HEALTHCHECK --intervall=1s CMD a', /did you mean --interval\?/],
];
for (const [line, hint] of unknown) test('an unknown flag, and what it may mean', refused, line, hint);

test('variables in --chown stay for the stage', means, 'COPY --chown=$U:${G} a /', { chown: '$U:${G}' });
test('variables in --chmod stay for the stage', means, 'COPY --chmod=0$M a /', { chmod: '0$M' });
test('variables in --checksum stay for the stage', means, 'ADD --checksum=$C http://a/b /', {
  checksum: '$C',
});
test(
  'a --chmod without variables is checked at once',
  refused,
  'COPY --chmod=888 a /',
  /^invalid chmod parameter: "888" \(write an octal/,
);
for (const from of ['$S', '${S}', 'a$S', '"$S"']) {
  test(
    '--from takes no variables',
    refused,
    `COPY --from=${from} a /`,
    /^variable expansion is not supported for --from \(define a new stage with FROM/,
  );
}
test('--link takes no variables', refused, 'COPY --link=$L a /', /^expecting boolean value/);
test('--network takes no variables', refused, 'RUN --network=$N a', /^unsupported network mode "\$N"/);
test(
  '--network has a case',
  refused,
  'RUN --network=NONE a',
  /^unsupported network mode "NONE" \(did you mean none\?\)/,
);
test('--security takes no variables', refused, 'RUN --security=$S a', /^unsupported security mode "\$S"/);
test('--exclude takes no variables: its text is the pattern', means, 'COPY --exclude=$X . /', {
  exclude: ['$X'],
});
for (const network of ['default', 'none', 'host'])
  test('networks', means, `RUN --network=${network} a`, { network });
for (const security of ['sandbox', 'insecure'])
  test('securities', means, `RUN --security=${security} a`, { security });
test('a device without a name', refused, 'RUN --device= a', /^--device needs the name of a device/);

import test from 'ava';
import { lint } from '../../src/parser/lint/lint.js';
import { rules } from '../../src/parser/lint/rules.js';
import { parseDockerfile } from '../../src/parser/parse.js';

function findings(text: string): string[] {
  return lint(parseDockerfile({ name: 'Dockerfile', text })).map(
    ({ rule, range }) => `${range.startLine} ${rule}`,
  );
}

const finds = test.macro<[text: string, ...expected: string[]]>({
  exec(t, text, ...expected) {
    t.deepEqual(findings(text), expected);
  },
  title: (rule = '', text) => `${rule}: ${JSON.stringify(text)}`,
});

test('a clean file', finds, '# syntax=docker/dockerfile:1\nFROM a AS b\nWORKDIR /a\nRUN x\nCMD ["x"]');

test('StageNameCasing', finds, 'FROM a AS Build', '1 StageNameCasing');
test('FromAsCasing', finds, 'FROM a as b', '1 FromAsCasing');
test('FromAsCasing', finds, 'from a as b');
test('FromAsCasing', finds, 'from a AS b', '1 FromAsCasing');
test('NoEmptyContinuation', finds, 'FROM a\nRUN x \\\n\n y', '3 NoEmptyContinuation');
test('ConsistentInstructionCasing', finds, 'FROM a\nRUN x\nrun y', '3 ConsistentInstructionCasing');
test('ConsistentInstructionCasing', finds, 'from a\nrun x\nRun y', '3 ConsistentInstructionCasing');
test(
  'DuplicateStageName',
  finds,
  'FROM a AS x\nFROM b AS X\nRUN c',
  '2 DuplicateStageName',
  '2 StageNameCasing',
);
test(
  'ReservedStageName',
  finds,
  'FROM a AS scratch\nFROM a AS context',
  '1 ReservedStageName',
  '2 ReservedStageName',
);
test('JSONArgsRecommended', finds, 'FROM a\nCMD x', '2 JSONArgsRecommended');
test('JSONArgsRecommended', finds, 'FROM a\nENTRYPOINT x', '2 JSONArgsRecommended');
test('JSONArgsRecommended', finds, 'FROM a\nSHELL ["x"]\nCMD x');
test('BrokenJSONForm', finds, "FROM a\nRUN ['x']", '2 BrokenJSONForm');
test('BrokenJSONForm', finds, 'FROM a\nRUN ["x",]', '2 BrokenJSONForm');
test('BrokenJSONForm', finds, 'FROM a\nHEALTHCHECK CMD [ "x", "y"', '2 BrokenJSONForm');
test('BrokenJSONForm', finds, 'FROM a\nRUN []random', '2 BrokenJSONForm');
test('BrokenJSONForm', finds, 'FROM a\nRUN [ "$a" = b ] && [ -f c ]');
test('BrokenJSONForm', finds, 'FROM a\nRUN [[ $a == b ]]');
test('MaintainerDeprecated', finds, 'FROM a\nMAINTAINER me', '2 MaintainerDeprecated');
test('LegacyKeyValueFormat', finds, 'FROM a\nENV a b', '2 LegacyKeyValueFormat');
test('LegacyKeyValueFormat', finds, 'FROM a\nLABEL a b', '2 LegacyKeyValueFormat');
test('LegacyKeyValueFormat', finds, 'FROM a\nENV a=b');
test('ExposeProtoCasing', finds, 'FROM a\nEXPOSE 80/TCP', '2 ExposeProtoCasing');
test('ExposeInvalidFormat', finds, 'FROM a\nEXPOSE 127.0.0.1:80:80', '2 ExposeInvalidFormat');
test('ExposeInvalidFormat', finds, 'FROM a\nEXPOSE ${P:-80}');
test('WorkdirRelativePath', finds, 'FROM a\nWORKDIR x', '2 WorkdirRelativePath');
test('WorkdirRelativePath', finds, 'FROM a AS b\nWORKDIR /x\nWORKDIR y\nFROM b\nWORKDIR z');
test('WorkdirRelativePath', finds, 'FROM a\nWORKDIR $HOME/x');
test(
  'MultipleInstructionsDisallowed',
  finds,
  'FROM a AS x\nCMD ["a"]\nCMD ["b"]\nFROM b\nCMD ["c"]',
  '2 MultipleInstructionsDisallowed',
);
test('SecretsUsedInArgOrEnv', finds, 'FROM a\nARG npm_token\nRUN x', '2 SecretsUsedInArgOrEnv');
test('SecretsUsedInArgOrEnv', finds, 'FROM a\nENV AWS_SECRET_ACCESS_KEY=x', '2 SecretsUsedInArgOrEnv');
test('SecretsUsedInArgOrEnv', finds, 'FROM a\nENV PUBLIC_KEY=x TOKENIZER=y');
test(
  'FromPlatformFlagConstDisallowed',
  finds,
  'FROM --platform=linux/arm64 a',
  '1 FromPlatformFlagConstDisallowed',
);
test('FromPlatformFlagConstDisallowed', finds, 'FROM --platform=$BUILDPLATFORM a');
test('RedundantTargetPlatform', finds, 'FROM --platform=$TARGETPLATFORM a', '1 RedundantTargetPlatform');
test('HeredocWithoutErrexit', finds, 'FROM a\nRUN <<E\na\nb\nE', '2 HeredocWithoutErrexit');
test('HeredocWithoutErrexit', finds, 'FROM a\nRUN <<E\nset -eux\na\nb\nE');
test('HeredocWithoutErrexit', finds, 'FROM a\nRUN <<E\n# c\na\nE');
test('HeredocWithoutErrexit', finds, 'FROM a\nRUN <<E\n#!/bin/sh\na\nb\nE');
test('HeredocWithoutErrexit', finds, 'FROM a\nRUN cat <<E > x\na\nb\nE');
test('AutomaticArgHidden', finds, 'FROM a\nARG TARGETARCH=amd64\nRUN x', '2 AutomaticArgHidden');
test('AutomaticArgHidden', finds, 'FROM a\nARG TARGETARCH\nRUN x');
test('InvisibleCharacters', finds, 'FROM a\nRUN x \u202e y', '2 InvisibleCharacters');
test('InvisibleCharacters', finds, '\ufeffFROM a\nRUN ü한');

test('UndefinedArgInFrom', finds, 'ARG A=b\nFROM $A AS x\nARG C\nRUN x\nFROM $C:1', '5 UndefinedArgInFrom');
test('UndefinedArgInFrom', finds, 'FROM --platform=$BUILDPLATFORM a:${TAG:-1}');
test('UndefinedArgInFrom', finds, 'FROM --platform=$BUILDPLATFROM a', '1 UndefinedArgInFrom');
test('InvalidDefaultArgInFrom', finds, 'ARG A\nFROM $A', '2 InvalidDefaultArgInFrom');
test('InvalidDefaultArgInFrom', finds, 'ARG A\nFROM b:$A', '2 InvalidDefaultArgInFrom');
test('InvalidDefaultArgInFrom', finds, 'ARG A=1\nARG B=${A}-x\nFROM b:$B');
test('InvalidDefaultArgInFrom', finds, 'ARG A\nFROM b:${A:-1}');
test('InvalidDefaultArgInFrom', finds, 'ARG A=b\nFROM ${A}$TARGETARCH');
test('InvalidDefaultArgInFrom', finds, 'ARG A( *=1\nFROM b', '1 UnusedArg', '1 UnusedArg');
test('InvalidDefaultArgInFrom', finds, 'ARG A=${B?}\nFROM b:${A?}');

test(
  'JSONArgsRecommended: a SHELL counts for what follows',
  finds,
  'FROM a\nCMD x\nSHELL ["x"]',
  '2 JSONArgsRecommended',
);
test('JSONArgsRecommended: SHELL is inherited', finds, 'FROM a AS b\nSHELL ["x"]\nFROM b\nCMD x');
test(
  'FromPlatformFlagConstDisallowed: a name that says it',
  finds,
  'FROM --platform=linux/arm64 a AS b-arm64',
);
test(
  'FromPlatformFlagConstDisallowed: a name that does not',
  finds,
  'FROM --platform=linux/arm64 a AS b',
  '1 FromPlatformFlagConstDisallowed',
);
test('WorkdirRelativePath: told once', finds, 'FROM a\nWORKDIR x\nWORKDIR y', '2 WorkdirRelativePath');
test('InvalidDefinitionDescription is experimental', finds, '# check=skip=x\n# no name\nARG A=1\nFROM $A');
test(
  'InvalidDefinitionDescription',
  finds,
  '# check=experimental=all\n# no name\nARG A=1\nFROM $A',
  '3 InvalidDefinitionDescription',
);
test(
  'InvalidDefinitionDescription: by name',
  finds,
  '# check=experimental=InvalidDefinitionDescription\n# no name\nFROM a AS b',
  '3 InvalidDefinitionDescription',
);
test(
  'InvalidDefinitionDescription: of the name',
  finds,
  '# check=experimental=all\n# A is one\nARG A=1\nFROM $A',
);
test(
  'InvalidDefinitionDescription: an empty comment in between',
  finds,
  '# check=experimental=all\n# no\n#\nARG A=1\nFROM $A',
);
test(
  'LinkWithChmod',
  finds,
  'FROM a\nCOPY --link --chmod=755 b /\nCOPY --link b /\nCOPY --chmod=755 b /',
  '2 LinkWithChmod',
);
test('UnusedStage', finds, 'FROM a\nFROM b', '1 UnusedStage');
test('UnusedStage: by number', finds, 'FROM a\nFROM b\nCOPY --from=0 /a /');
test('UnusedStage: a name may be a target', finds, 'FROM a AS x\nFROM b');
test('UnusedArg: global', finds, 'ARG A\nFROM b\nENV A=1', '1 UnusedArg');
test('UnusedArg: global, used by another', finds, 'ARG A=1\nARG B=$A\nFROM b:$B');
test('UnusedArg: global, declared by a stage', finds, 'ARG A\nFROM b\nARG A\nRUN x');
test(
  'UnusedArg: global, of the builder',
  finds,
  'ARG SOURCE_DATE_EPOCH=1\nARG BUILDKIT_SYNTAX\nARG TARGETARCH\nFROM b',
);
test('UnusedArg: stage', finds, 'FROM b\nRUN x\nARG A', '3 UnusedArg');
test('UnusedArg: read by a word', finds, 'FROM b\nARG A B C\nENV X=$A Y=${B:-$C}');
test('UnusedArg: read by a heredoc', finds, 'FROM b\nARG A\nCOPY <<E /x\n$A\nE');
test('UnusedArg: a RUN of a child stage', finds, 'FROM b AS c\nARG A\nFROM c AS d\nFROM d\nRUN x');
test(
  'UnusedArg: no child uses it',
  finds,
  'FROM b AS c\nARG A\nFROM c AS d\nRUN x\nARG B\nFROM b\nUSER $B',
  '5 UnusedArg',
);
test(
  'CacheMountNotWritable',
  finds,
  'FROM a\nUSER u\nRUN --mount=type=cache,target=/c x',
  '3 CacheMountNotWritable',
);
test(
  'CacheMountNotWritable: inherited',
  finds,
  'FROM a AS b\nUSER u:g\nFROM b\nRUN --mount=type=cache,dst=/c x',
  '4 CacheMountNotWritable',
);
test(
  'CacheMountNotWritable: root',
  finds,
  'FROM a\nUSER u\nUSER root\nRUN --mount=type=cache,target=/c x\nUSER 0:0\nRUN --mount=type=cache,target=/c x',
);
test(
  'CacheMountNotWritable: with an owner or mode',
  finds,
  'FROM a\nUSER u\nRUN --mount=type=cache,target=/c,uid=1 --mount=type=cache,target=/d,mode=0777 x',
);
test(
  'CacheMountNotWritable: a user that is not known',
  finds,
  'FROM a\nUSER $U\nRUN --mount=type=cache,target=/c x',
);
const apt = 'RUN --mount=type=cache,target=/var/cache/apt apt-get install -y x';
test('AptCacheMountEmptied', finds, `FROM a\n${apt}`, '2 AptCacheMountEmptied');
test(
  'AptCacheMountEmptied: removed before',
  finds,
  `FROM a AS b\nRUN rm -f /etc/apt/apt.conf.d/docker-clean\nFROM b\n${apt}`,
);
test('AptCacheMountEmptied: no install', finds, 'FROM a\nRUN --mount=type=cache,target=/var/cache/apt ls');
test(
  'RecursiveChangeInOwnLayer',
  finds,
  'FROM a\nRUN chown -R u /x && chmod --recursive 755 /x',
  '2 RecursiveChangeInOwnLayer',
);
test(
  'RecursiveChangeInOwnLayer: exec form',
  finds,
  'FROM a\nRUN ["chown", "-hR", "u", "/x"]',
  '2 RecursiveChangeInOwnLayer',
);
test(
  'RecursiveChangeInOwnLayer: of new files',
  finds,
  'FROM a\nRUN tar xf /a.tar && chown -R u /x\nRUN chown u /x',
);
test('CopyBeforeInstall', finds, 'FROM a\nCOPY . .\nRUN npm ci', '3 CopyBeforeInstall');
test(
  'CopyBeforeInstall: in a chain',
  finds,
  'FROM a\nCOPY ./ /x\nRUN cd /x && pip install --no-cache-dir -r requirements.txt',
  '3 CopyBeforeInstall',
);
test(
  'CopyBeforeInstall: manifests first',
  finds,
  'FROM a\nCOPY package*.json ./\nRUN npm ci\nCOPY . .\nRUN npm run build',
);
test('CopyBeforeInstall: from a stage', finds, 'FROM a AS x\nFROM a\nCOPY --from=x . .\nRUN yarn');
test('CopyBeforeInstall: other commands', finds, 'FROM a\nCOPY . .\nRUN npm run build && pip install x');
test(
  'SecretFileCopied',
  finds,
  'FROM a\nCOPY conf/.env /\nADD ["id_rsa", "/root/"]',
  '2 SecretFileCopied',
  '3 SecretFileCopied',
);
test(
  'SecretFileCopied: other files',
  finds,
  'FROM a AS x\nCOPY .env.example id_rsa.pub /\nFROM a\nCOPY --from=x .env /',
);
test('ArgBeforeUnrelatedRun', finds, 'FROM a\nARG V=1\nRUN one\nRUN two $V', '2 ArgBeforeUnrelatedRun');
test('ArgBeforeUnrelatedRun: declared behind', finds, 'FROM a\nRUN one\nARG V=1\nRUN two $V');
test('ArgBeforeUnrelatedRun: the first RUN uses it', finds, 'FROM a\nARG V=1\nRUN one ${V}\nRUN two $V');
test('ArgBeforeUnrelatedRun: it may be read by name', finds, 'FROM a\nARG V=1\nRUN printenv V\nRUN two $V');
test('ArgBeforeUnrelatedRun: it may be used by any RUN', finds, 'FROM a\nARG V=1\nRUN one\nRUN two');
test(
  'ArgBeforeUnrelatedRun: automatic ones do not change',
  finds,
  'FROM a\nARG TARGETARCH\nRUN one\nRUN two $TARGETARCH',
);
test(
  'ArgBeforeUnrelatedRun: a heredoc may use it',
  finds,
  'FROM a\nARG V=1\nRUN <<E\necho $V\nE\nRUN two $V',
);
for (const [line, since] of [
  ['RUN --mount=type=secret,id=a,env=A x', 10],
  ['COPY --chmod=u=rwX a /', 14],
  ['ADD --unpack=true a /', 17],
  ['COPY --exclude=b a /', 19],
  ['ADD --exclude=b a /', 19],
  ['COPY --parents a /', 20],
  ['RUN --security=insecure x', 20],
] as const) {
  const file = (version: string) => `# syntax=docker/dockerfile:${version}\nFROM a\n${line}`;
  test(`SyntaxTooOld: ${line}`, finds, file(`1.${since - 1}`), '3 SyntaxTooOld');
  test(`SyntaxTooOld: ${line}`, finds, file(`1.${since}`));
  test(`SyntaxTooOld: ${line}`, finds, file('1'));
}
test(
  'SyntaxTooOld: older features',
  finds,
  '# syntax=docker/dockerfile:1.4.1\nFROM a\nCOPY --link --chmod=$M <<E /x\nE',
  '3 LinkWithChmod',
);
test('UnknownSyntax', finds, '# escape=\\\n# syntax=x/y:1\nFROM a', '2 UnknownSyntax');
test(
  'UnknownSyntax: with features of its own',
  finds,
  '# syntax=docker/dockerfile:1-labs\nFROM a',
  '1 UnknownSyntax',
);
test('UnknownSyntax: known', finds, '# syntax=docker.io/docker/dockerfile:1.7@sha256:00\nFROM a');

test(
  'skip at the top',
  finds,
  '# check=skip=StageNameCasing,FromAsCasing\nFROM a as B\nCMD x',
  '3 JSONArgsRecommended',
);
test('skip all', finds, '# check=skip=all\nFROM a as B\nCMD x');
test('names are case-sensitive', finds, '# check=skip=fromascasing\nFROM a as b', '2 FromAsCasing');
test(
  'skip above an instruction',
  finds,
  'FROM a\n# check=skip=JSONArgsRecommended\nCMD x\nENTRYPOINT y',
  '4 JSONArgsRecommended',
);
test('skip inside an instruction', finds, 'FROM a\n# check=skip=NoEmptyContinuation\nRUN x \\\n\n y');

test('error=true makes errors of warnings', (t) => {
  const [first] = lint(parseDockerfile({ name: 'Dockerfile', text: '# check=error=true\nFROM a\nCMD x' }));
  t.is(first?.severity, 'error');
  t.is(first?.rule, 'JSONArgsRecommended');
});

test('bad check options are errors of the file', (t) => {
  const messages = (check: string): string[] =>
    parseDockerfile({ name: 'Dockerfile', text: `# check=${check}\nFROM a` }).diagnostics.map(
      ({ message }) => message,
    );
  t.deepEqual(messages('skip=A;error=true;experimental=all'), []);
  t.deepEqual(messages('skp=A'), ['unknown check option "skp"']);
  t.deepEqual(messages('error=1'), []);
  t.deepEqual(messages('error=yes'), ['check option error must be true or false']);
  t.deepEqual(messages('skip'), ['check option skip needs a value']);
  t.deepEqual(messages('skip=A;skip=B'), ['check option skip is given twice']);
});

test('names of rules are unique and each has a description', (t) => {
  const names = rules.map(({ name }) => name);
  t.deepEqual(names, [...new Set(names)].sort());
  for (const { description } of rules) t.regex(description, /^(?:[A-Z].*[^.]$|Comment for )/);
});

/** Random texts that look enough like Dockerfiles, words and patterns to get past the first check. */
import fc from 'fast-check';

const pieces = fc.constantFrom(
  'FROM', 'RUN', 'COPY', 'ADD', 'ENV', 'ARG', 'LABEL', 'ONBUILD', 'CMD', 'SHELL', 'EXPOSE', 'VOLUME', 'USER', 'HEALTHCHECK',
  'WORKDIR', 'from', 'NONE', 'AS', ' ', ' ', '\t', '\n', '\n', '\r\n', '\\', '\\\n', '`', '#', '# escape=`\n', '# check=x\n',
  '--', '--from=', '--mount=', 'type=cache,', 'target=/x', '--link', '<<', '<<-', 'EOF', "'", '"', '[', ']', ',', '"a"', '$', '${',
  '}', ':-', '=', 'a', 'b:1', '/x', '\u{1f600}', '\ufeff', '\0', '\u00a0', '..', '*', '!',
); // prettier-ignore

/** Any text. */
export const anyText: fc.Arbitrary<string> = fc
  .array(pieces, { maxLength: 60 })
  .map((parts) => parts.join(''));

const word = fc
  .array(
    fc.constantFrom(
      'a',
      'b',
      '$A',
      '${B}',
      '${C:-d}',
      '${D-}',
      '"',
      "'",
      '\\',
      '/x',
      '.',
      '*',
      '=',
      ':',
      '1',
      ' ',
      '[z]',
    ),
    { minLength: 1, maxLength: 5 },
  )
  .map((parts) => parts.join(''));

const line = fc.oneof(
  fc.tuple(
    fc.constantFrom(
      'RUN', 'COPY', 'ADD', 'ENV', 'ARG', 'LABEL', 'CMD', 'ENTRYPOINT', 'SHELL', 'EXPOSE', 'VOLUME', 'USER', 'WORKDIR', 'ONBUILD RUN',
      'HEALTHCHECK CMD', 'STOPSIGNAL', 'MAINTAINER', 'COPY --from=s', 'COPY --chmod=u+x', 'ADD --chown=1', 'RUN --mount=type=cache,target=/c',
    ), // prettier-ignore
    fc.array(word, { minLength: 1, maxLength: 3 }),
  ).map(([keyword, words]) => `${keyword} ${words.join(' ')}`),
  fc.constantFrom('FROM s', 'FROM base AS s', 'FROM scratch AS t', 'FROM $A', 'ENV A=1 B=2', 'ARG A', 'CMD ["x"]', 'COPY <<E /x\n$A\nE', '# c', ''),
); // prettier-ignore

/** Lines that are mostly valid, behind a FROM. */
export const likelyFile: fc.Arbitrary<string> = fc
  .array(line, { maxLength: 12 })
  .map((lines) => `ARG A=base\nFROM base AS s\n${lines.join('\n')}\n`);

/** Words with every form of expansion. */
export const anyWord: fc.Arbitrary<string> = fc
  .array(
    fc.constantFrom(
      '$', '${', '}', 'a', 'A', 'B', '_', '1', ':', '-', '+', '?', '#', '##', '%', '%%', '/', '//', '*', '?', '[', ']', '\\', '"', "'", ' ',
      '$A', '${A', ':-', ':+', ':?', '\u00e9', '`', '@', '!', '${A//', '${B##',
    ), // prettier-ignore
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''));

/** Lines of an ignore file. */
export const anyPattern: fc.Arbitrary<string> = fc
  .array(
    fc.constantFrom('*', '**', '**/', '/', 'a', 'b', '[', ']', '^', '-', '\\', '!', '?', '.', 'ü', ' ', '#'),
    {
      maxLength: 30,
    },
  )
  .map((parts) => parts.join(''));

/** Paths that such patterns may match for long. */
export const anyPath: fc.Arbitrary<string> = fc
  .array(fc.constantFrom('a', 'b', '/', '/', '.', 'aaaaaaaa', '\xff', '..'), { maxLength: 40 })
  .map((parts) => parts.join(''));

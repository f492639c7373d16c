/** Git sources as BuildKit reads them, and what is refused before git is asked. */
import test from 'ava';
import {
  describeGit,
  isGitContext,
  isGitUrl,
  parseGitUrl,
  type GitSource,
} from '../../src/remote/git-url.js';
import { TsbuildError } from '../../src/util/errors.js';

const kinds: readonly (readonly [rule: string, text: string, add: boolean, context: boolean])[] = [
  ['http with .git', 'https://host/a/b.git', true, true],
  ['http with .git, fragment', 'https://host/b.git#main:sub', true, true],
  ['http with .git, query', 'https://host/b.git?ref=main', true, true],
  ['http without .git is a file', 'https://host/a/b', false, false],
  ['.git in the query only is a file', 'https://host/a?x=.git', false, false],
  ['ssh scheme', 'ssh://git@host/b', true, true],
  ['git scheme', 'git://host/b', true, true],
  ['scp form', 'git@host:a/b.git', true, true],
  ['scp form with another user', 'me@host:b', true, true],
  ['github.com without scheme is a path for ADD', 'github.com/owner/repo', false, true],
  ['github.com alone is a path', 'github.com/owner', false, false],
  ['a path', './repo.git', false, false],
  ['file scheme', 'file:///srv/repo.git', false, false],
  ['ext transport', 'ext::sh -c id', false, false],
  ['a path with @', 'dir@1/x', false, false],
];
for (const [rule, text, add, context] of kinds) {
  test(`kind: ${rule}`, (t) => {
    t.is(isGitUrl(text), add);
    t.is(isGitContext(text), context);
  });
}

const everything = { ref: '', subdir: '', keepGitDir: false, submodules: true, commitTime: false };
const parsed: readonly (readonly [rule: string, text: string, expected: Partial<GitSource>])[] = [
  ['nothing: HEAD', 'https://h/r.git', { url: 'https://h/r.git' }],
  ['fragment: ref', 'https://h/r.git#v1.0', { url: 'https://h/r.git', ref: 'v1.0' }],
  ['fragment: ref and folder', 'git://h/r#main:a/b', { url: 'git://h/r', ref: 'main', subdir: 'a/b' }],
  ['fragment: folder only', 'git://h/r#:a', { url: 'git://h/r', subdir: 'a' }],
  ['folder: outer slashes and dots go', 'git://h/r#:/a/./b/', { url: 'git://h/r', subdir: 'a/b' }],
  ['fragment: percent encoding', 'git://h/r#a%2Fb', { url: 'git://h/r', ref: 'a/b' }],
  [
    'query: ref and subdir',
    'https://h/r.git?ref=dev&subdir=x',
    { url: 'https://h/r.git', ref: 'dev', subdir: 'x' },
  ],
  ['query: tag', 'https://h/r.git?tag=v1', { url: 'https://h/r.git', ref: 'refs/tags/v1' }],
  ['query: branch', 'https://h/r.git?branch=v1', { url: 'https://h/r.git', ref: 'refs/heads/v1' }],
  ['query: checksum', 'git://h/r?checksum=0123456', { url: 'git://h/r', commit: '0123456' }],
  ['query: commit is checksum', 'git://h/r?commit=0123456', { url: 'git://h/r', commit: '0123456' }],
  ['query: keep-git-dir', 'git://h/r?keep-git-dir=true', { url: 'git://h/r', keepGitDir: true }],
  ['query: flag without value', 'git://h/r?keep-git-dir', { url: 'git://h/r', keepGitDir: true }],
  ['query: submodules', 'git://h/r?submodules=0', { url: 'git://h/r', submodules: false }],
  ['query: mtime', 'git://h/r?mtime=commit', { url: 'git://h/r', commitTime: true }],
  ['scp form', 'git@h:a/b.git#main', { url: 'git@h:a/b.git', ref: 'main' }],
  ['github.com is https', 'github.com/o/r#main', { url: 'https://github.com/o/r', ref: 'main' }],
  [
    'credentials leave the URL',
    'https://me:p%40ss@h/r.git#main',
    { url: 'https://h/r.git', ref: 'main', credentials: { username: 'me', password: 'p@ss' } },
  ],
];
for (const [rule, text, expected] of parsed) {
  test(`parse: ${rule}`, (t) => {
    const { commit, credentials, ...source } = parseGitUrl(text);
    const given = { ...source, ...(commit && { commit }), ...(credentials && { credentials }) };
    t.deepEqual(given as object, { ...everything, ...expected });
  });
}

const refused: readonly (readonly [rule: string, text: string, message: RegExp])[] = [
  ['reference like an option', 'git://h/r#--upload-pack=touch x', /not a git source/],
  ['reference like an option, encoded', 'git://h/r#%2D%2Dupload-pack=x', /no branch/],
  ['reference like an option in a query', 'git://h/r?ref=--upload-pack=x', /no branch/],
  ['branch like an option', 'git://h/r?branch=../x', /no branch/],
  ['short option', 'git://h/r#-x', /no branch/],
  ['reference with a new line', 'git://h/r#a%0Ab', /no branch/],
  ['reference with a revision range', 'git://h/r#a..b', /no branch/],
  ['reference with @{', 'git://h/r#a@{1}', /no branch/],
  ['reference with :', 'git://h/r?ref=a:b', /no branch/],
  ['folder that leaves', 'git://h/r#main:../x', /not inside/],
  ['folder that leaves, in the middle', 'git://h/r#main:a/../../x', /not inside/],
  ['folder that leaves, encoded', 'git://h/r#main:%2e%2e/x', /not inside/],
  ['folder of git itself', 'git://h/r#main:.GIT/hooks', /not inside/],
  ['host like an option', 'ssh://-oProxyCommand=x/r', /not a git source/],
  ['user like an option', 'ssh://-oProxyCommand=x@h/r', /user name/],
  ['scp form with an option', 'git@h:-x', /no git URL/],
  ['path like an option', 'git://h/-x', /no repository/],
  ['no path', 'git://h', /no repository/],
  ['ext transport', 'ext::sh -c touch', /blanks/],
  ['ext transport without blanks', 'ext::sh', /no git URL/],
  ['file', 'file:///etc', /no git URL/],
  ['control character', 'git://h/r\r', /control/],
  ['# and ?', 'git://h/r?ref=a#b', /# and a \?/],
  ['unknown parameter', 'git://h/r?x=1', /unknown parameter/],
  ['parameter twice', 'git://h/r?ref=a&ref=b', /twice/],
  ['ref and tag', 'git://h/r?ref=a&tag=b', /contradict/],
  ['checksum that is none', 'git://h/r?checksum=xyz', /no commit/],
  ['value that is no boolean', 'git://h/r?submodules=maybe', /true nor false/],
  ['mtime', 'git://h/r?mtime=now', /mtime is/],
];
for (const [rule, text, message] of refused) {
  test(`refused: ${rule}`, (t) => {
    const error = t.throws(() => parseGitUrl(text), { instanceOf: TsbuildError, message });
    t.is(error?.code, 'usage');
  });
}

test('a message never shows a password', (t) => {
  const error = t.throws(() => parseGitUrl('https://me:secret@h/r.git#-x'));
  t.false(error?.message.includes('secret'));
  t.is(describeGit(parseGitUrl('https://me:secret@h/r.git#main:a')), 'https://h/r.git#main:a');
});

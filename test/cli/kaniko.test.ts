import test from 'ava';
import { buildOptions } from '../../src/cli/build-options.js';
import { kanikoArgs, kanikoContext } from '../../src/cli/kaniko-args.js';
import { kanikoOptions, kanikoPeerFlags } from '../../src/cli/kaniko-options.js';
import { parseArgs } from '../../src/cli/parse-args.js';
import { pluginCall } from '../../src/cli/run-docker-plugin.js';
import { TsbuildError } from '../../src/util/errors.js';

const common = {
  name: 'x',
  summary: '',
  positionals: '',
  arity: [0, 0] as const,
  run: () => Promise.resolve(0),
};

function parsed(args: readonly string[]) {
  const result = parseArgs({ ...common, options: kanikoOptions, peerFlags: kanikoPeerFlags }, args);
  if (result === 'help') throw new Error('help');
  return result;
}

/** What `tsbuild build` is told for kaniko's flags; it must understand it. */
function translated(text: string): readonly string[] {
  const { options } = parsed(text.split(' '));
  const args = kanikoArgs(options, kanikoContext(options), '/nowhere');
  parseArgs({ ...common, options: buildOptions }, args);
  return args;
}

const means = test.macro({
  exec(t, text: string, ...expected: readonly string[]) {
    t.deepEqual(translated(text), expected);
  },
  title: (_, text) => `kaniko ${text}`,
});
const push = '--output=type=image,push=true';
test(means, '-d r.io/a:1', '--tag=r.io/a:1', push);
test(means, '--destination r.io/a:1 --destination=r.io/b', '--tag=r.io/a:1', '--tag=r.io/b', push);
test(means, '--no-push');
test(means, '--no-push -d r.io/a --tar-path /o/a.tar', '--tag=r.io/a', '--output=type=docker,dest=/o/a.tar');
test(means, '--no-push --tar-path /a,b', '--output=type=docker,"dest=/a,b"');
test(means, '--no-push --oci-layout-path o', '--output=type=oci,tar=false,dest=o');
test(means, '--no-push -c /ctx -f Dockerfile', '--file=/ctx/Dockerfile');
test(means, '--no-push -c /ctx -f /etc/hostname', '--file=/etc/hostname');
test(means, '--no-push --build-arg A=b --build-arg C', '--build-arg=A=b', '--build-arg=C');
test(means, '--no-push --label a=b --target t', '--target=t', '--label=a=b');
test(means, '--no-push --custom-platform linux/arm64', '--platform=linux/arm64');
test(means, '--no-push --reproducible', '--source-date-epoch=0');
test(means, '--no-push --single-snapshot --annotation a=b', '--annotation=a=b', '--squash');
test(
  means,
  '-d r.io/a --compression zstd --compression-level 9',
  '--tag=r.io/a',
  `${push},compression=zstd,compression-level=9`,
);
test(means, '-d r.io/a --compression-level -1', '--tag=r.io/a', push);
test(
  means,
  '-d r.io/g/a:1 --cache=true',
  '--tag=r.io/g/a:1',
  push,
  '--cache-from=type=registry,ref=r.io/g/a/cache',
  '--cache-to=type=registry,ref=r.io/g/a/cache,mode=max,ignore-error=true',
);
test(
  means,
  '--no-push --cache --cache-repo r.io/c --no-push-cache --cache-ttl 6h',
  '--cache-ttl=6h',
  '--cache-from=type=registry,ref=r.io/c',
);
test(means, '-d r.io:5000/a --insecure', '--tag=r.io:5000/a', push, '--insecure-registry=r.io:5000');
test(means, '-d r.io/a --skip-tls-verify', '--tag=r.io/a', push, '--insecure-registry=r.io');
test(means, '--no-push --skip-tls-verify-pull', '--tls-verify=false');
test(means, '--no-push --insecure-pull', '--tls-verify=false');
test(
  means,
  '--no-push --skip-tls-verify-registry a --insecure-registry b',
  '--insecure-registry=b',
  '--insecure-registry=a',
);
test(means, '--no-push --registry-certificate a.io=/c', '--registry-ca=a.io=/c');
test(means, '--no-push --registry-client-cert a.io=/c,/k', '--registry-client-cert=a.io=/c,/k');
test(means, '--no-push --registry-mirror m.io', '--registry-mirror=m.io');
test(
  means,
  '--no-push --registry-map a.io=m.io;b.io=n.io/x',
  '--registry-mirror=a.io=m.io',
  '--registry-mirror=b.io=n.io/x',
);
test(means, '--no-push --push-retry 2 --image-download-retry 5', '--retry=5');
test(means, '--no-push -v error', '--progress=quiet');
test(means, '--no-push -v info', '--progress=plain');
test(means, '--no-push --log-format json', '--progress=rawjson');

const contexts = test.macro({
  exec(t, text: string, context: string, stdin?: string) {
    t.deepEqual(kanikoContext(parsed(text === '' ? [] : text.split(' ')).options), { context, stdin });
  },
  title: (_, text) => `kaniko’s context ${text}`,
});
test(contexts, '', '/workspace');
test(contexts, '-c dir:///w/x', '/w/x');
test(contexts, '--context=/w --context-sub-path sub', '/w/sub');
test(contexts, '-c tar://a/b.tgz', '-', 'a/b.tgz');
test(contexts, '-c tar://stdin', '-');
test(contexts, '-c git://github.com/o/r.git', 'https://github.com/o/r.git');
test(contexts, '-c git://github.com/o/r#refs/heads/x', 'https://github.com/o/r.git#refs/heads/x');
test(
  contexts,
  '-c git://github.com/o/r#refs/heads/x#0123 --context-sub-path d',
  'https://github.com/o/r.git#0123:d',
);
test(contexts, '-c https://a.io/x.tar.gz', 'https://a.io/x.tar.gz');

test('kaniko: buckets, and a push to nowhere, are refused', (t) => {
  t.throws(() => translated('-c s3://bucket/x --no-push'), { message: /s3:\/\/ is not supported/ });
  t.throws(() => translated('-c gs://bucket/x --no-push'), { message: /gs:\/\/ is not supported/ });
  t.throws(() => translated('-c /w'), { message: 'there is no --destination' });
});

test('kaniko: what cannot change the image is ignored with a warning, the rest is refused', (t) => {
  const harmless = [
    '--snapshot-mode=redo',
    '--use-new-run',
    '--cleanup',
    '--force',
    '--kaniko-dir',
    '/k',
    '--cache-dir=/c',
  ];
  t.is(parsed(['--no-push', ...harmless, '--bucket', 'b', '--skip-unused-stages=true']).warnings.length, 8);
  for (const flag of ['--ignore-path=/x', '--git=branch=x', '--dryrun'])
    t.is(t.throws(() => parsed([flag]), { instanceOf: TsbuildError })?.code, 'unsupported');
});

const calls = test.macro({
  exec(t, text: string, expected: string, config?: string) {
    t.deepEqual(pluginCall(text.split(' ')), { args: expected.split(' '), config });
  },
  title: (_, text) => `docker’s plugin is called with ${text}`,
});
test(calls, 'tsbuild build -t app .', 'build -t app .');
test(calls, 'tsbuild prune -f', 'cache prune -f');
test(calls, 'tsbuild du', 'cache du');
test(calls, 'tsbuild', '--help');
test(calls, '--context default tsbuild build .', 'build .');
test(calls, '-D --config /c tsbuild build .', 'build .', '/c');
test(calls, '--config=/c -H unix:///x tsbuild images', 'images', '/c');
test(calls, 'tsbuild build --build-arg tsbuild .', 'build --build-arg tsbuild .');

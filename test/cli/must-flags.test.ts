/** The flags of other builders that users cannot do without: each is an option, and a test uses it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { buildOptions } from '../../src/cli/build-options.js';
import { kanikoOptions, kanikoPeerFlags } from '../../src/cli/kaniko-options.js';
import type { OptionTable } from '../../src/cli/option-table.js';
import { buildPeerFlags } from '../../src/cli/peer-flags.js';
import { projectRoot } from '../helpers/project.js';

const needed = {
  buildx: `file tag build-arg build-context target platform no-cache no-cache-filter pull cache-from cache-to output push
    load secret ssh label annotation iidfile metadata-file quiet progress network allow call check isolation`,
  buildah: `add-host annotation authfile build-arg build-context cache-from cache-to cache-ttl cert-dir creds file format
    ignorefile iidfile isolation jobs label metadata-file network no-cache output platform pull quiet retry retry-delay
    rewrite-timestamp secret source-date-epoch ssh skip-unused-stages tag target tls-verify compression-format
    compression-level`,
  kaniko: `build-arg context dockerfile destination target label no-push tar-path oci-layout-path digest-file
    image-name-with-digest-file image-name-tag-with-digest-file cache cache-repo cache-ttl custom-platform reproducible
    insecure insecure-pull insecure-registry skip-tls-verify skip-tls-verify-pull skip-tls-verify-registry
    registry-certificate registry-client-cert registry-mirror push-retry image-download-retry verbosity log-format`,
} as const;

/** Names of this file and of the lists of flags prove nothing. */
const lists = /^(must-flags|peer-flags|reference)\.test\.ts$/;

function testsBelow(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return testsBelow(path);
    return entry.name.endsWith('.test.ts') && !lists.test(entry.name) ? [path] : [];
  });
}

const files = testsBelow(join(projectRoot, 'test')).map((path) => ({
  isKaniko: path.includes('kaniko'),
  text: readFileSync(path, 'utf8'),
}));

/** Whether some test spells a flag, by its long or its short name. */
function isUsed(names: readonly string[], kaniko: boolean): boolean {
  const spelled = new RegExp(`(?<![\\w-])(?:${names.join('|')})(?![\\w-])`);
  return files.some(({ isKaniko, text }) => isKaniko === kaniko && spelled.test(text));
}

const every = test.macro({
  exec(t, peer: keyof typeof needed) {
    const kaniko = peer === 'kaniko';
    const options: OptionTable = kaniko ? kanikoOptions : buildOptions;
    const ignored = (kaniko ? kanikoPeerFlags : buildPeerFlags).filter(
      ({ verdict }) => verdict === 'ignored',
    );
    const flags = needed[peer].split(/\s+/);
    const missing = flags.filter(
      (flag) => !(flag in options) && !ignored.some(({ name }) => name === `--${flag}`),
    );
    t.deepEqual(missing, [], 'not there');
    const untested = flags.filter((flag) => {
      const short = options[flag]?.short;
      return !isUsed([`--${flag}`, ...(short === undefined ? [] : [`'-${short}`])], kaniko);
    });
    t.deepEqual(untested, [], 'without a test');
  },
  title: (_, peer) => `every flag that users of ${peer} need is there, and a test uses it`,
});
for (const peer of ['buildx', 'buildah', 'kaniko'] as const) test(every, peer);

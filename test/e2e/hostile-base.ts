/** Base images whose config says what no builder writes. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject, type JsonObject } from '../../src/oci/json-guards.js';
import type { StepSite } from './step-site.js';

let count = 0;

/**
 * Arguments that make `FROM NAME` an image like the base of the site, with its config (and its manifest) changed by
 * `change`, as somebody who pushes images by hand may do.
 */
export async function hostileBase(
  site: StepSite,
  name: string,
  change: (config: JsonObject) => JsonObject,
): Promise<readonly string[]> {
  const layout = `hostile-${++count}`;
  const made = await site.build('FROM base\n', { args: ['-o', `type=oci,tar=false,dest=${layout}`] });
  if (made.code !== 0) throw new Error(made.output);
  const folder = site.workspace.path(layout);
  const read = (path: string): JsonObject => objectOf(JSON.parse(readFileSync(join(folder, path), 'utf8')));
  const put = (value: JsonObject): JsonObject => {
    const bytes = Buffer.from(JSON.stringify(value));
    const hex = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(join(folder, 'blobs/sha256', hex), bytes);
    return { digest: `sha256:${hex}`, size: bytes.length };
  };
  const blob = (descriptor: unknown): string =>
    `blobs/sha256/${String(objectOf(descriptor)['digest']).replace('sha256:', '')}`;
  const index = read('index.json');
  const all: readonly unknown[] = Array.isArray(index['manifests']) ? index['manifests'] : [];
  const first = all[0];
  const manifest = read(blob(first));
  const config = put(change(read(blob(manifest['config']))));
  const changed = put({ ...manifest, config: { ...objectOf(manifest['config']), ...config } });
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' };
  const manifests = [{ ...objectOf(first), ...changed, annotations }];
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ ...index, manifests }));
  return ['--build-context', `${name}=oci-layout://${layout}:latest`];
}

export function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

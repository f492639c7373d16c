/** Looks for secret values in everything that a build leaves, in the forms in which they may turn up. */
import { execFileSync } from 'node:child_process';
import { gunzipSync, constants } from 'node:zlib';

/** A named place and its bytes. */
export type Scanned = readonly [place: string, bytes: Buffer];

/** A value raw, in base64 at each alignment, in both alphabets, URL-encoded, JSON-escaped and in hex. */
export function formsOf(value: string): readonly Buffer[] {
  const bytes = Buffer.from(value);
  const base64 = [0, 1, 2].map((pad) => {
    const text = Buffer.concat([Buffer.alloc(pad), bytes]).toString('base64');
    return text.slice(pad === 0 ? 0 : 4, -4); // what does not depend on the neighbours
  });
  const texts = [
    value,
    encodeURIComponent(value),
    encodeURI(value),
    JSON.stringify(value).slice(1, -1),
    bytes.toString('hex'),
    ...base64,
    ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  ];
  return [...new Set(texts)].map((text) => Buffer.from(text));
}

/** The bytes, and what is packed in them: gzip and zstd at the start of a file or of a block of a tar. */
export function* unpacked([place, bytes]: Scanned): Generator<Scanned> {
  yield [place, bytes];
  for (let at = 0; at + 4 < bytes.length; at += 512) {
    const magic = bytes.readUInt32BE(at);
    const inner =
      magic >>> 8 === 0x1f8b08
        ? gunzip(bytes.subarray(at))
        : magic === 0x28b52ffd
          ? unzstd(bytes.subarray(at))
          : undefined;
    if (inner !== undefined && inner.length > 0) yield* unpacked([`${place}@${at}`, inner]);
  }
}

function gunzip(bytes: Buffer): Buffer | undefined {
  try {
    return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return undefined;
  }
}

function unzstd(bytes: Buffer): Buffer | undefined {
  try {
    return execFileSync('zstd', ['-dcq'], {
      input: bytes,
      maxBuffer: 1 << 28,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
  } catch {
    return undefined;
  }
}

/** Each secret's name with the places where it was found; empty when all is well. */
export function findSecrets(
  secrets: Readonly<Record<string, string>>,
  places: Iterable<Scanned>,
): { readonly found: readonly string[]; readonly scanned: number } {
  const forms = Object.entries(secrets).flatMap(([name, value]) =>
    value.split('\n').flatMap((line) => formsOf(line).map((form) => [name, form] as const)),
  );
  const found = new Set<string>();
  let scanned = 0;
  for (const place of places) {
    for (const [name, bytes] of unpacked(place)) {
      scanned += 1;
      for (const [secret, form] of forms)
        if (bytes.includes(form)) found.add(`${secret} in ${name} as ${form.toString()}`);
    }
  }
  return { found: [...found], scanned };
}

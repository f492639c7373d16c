/** Archives made by hand, right and wrong ones: every field of a header can be given as raw bytes. */

export interface RawFields {
  readonly name?: string;
  readonly mode?: string;
  readonly uid?: string;
  readonly gid?: string;
  readonly size?: string;
  readonly mtime?: string;
  readonly type?: string;
  readonly link?: string;
  /** `ustar\0` + `00` unless given; '' for v7. */
  readonly magic?: string;
  readonly major?: string;
  readonly minor?: string;
  readonly prefix?: string;
  /** Bytes written last, by offset. */
  readonly patch?: Readonly<Record<number, string>>;
  /** Instead of the right checksum. */
  readonly checksum?: string;
}

/** One header block. All text is byte strings. */
export function rawHeader(fields: RawFields): Buffer {
  const block = Buffer.alloc(512);
  const put = (text: string, at: number): void => void block.write(text, at, 'latin1');
  put(fields.name ?? 'name', 0);
  put(fields.mode ?? '0000644\0', 100);
  put(fields.uid ?? '0000000\0', 108);
  put(fields.gid ?? '0000000\0', 116);
  put(fields.size ?? '00000000000\0', 124);
  put(fields.mtime ?? '00000000000\0', 136);
  put(fields.type ?? '0', 156);
  put(fields.link ?? '', 157);
  put(fields.magic ?? 'ustar\x0000', 257);
  put(fields.major ?? '', 329);
  put(fields.minor ?? '', 337);
  put(fields.prefix ?? '', 345);
  for (const [at, text] of Object.entries(fields.patch ?? {})) put(text, Number(at));
  put('        ', 148);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(fields.checksum ?? `${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

export function octal(value: number, digits = 11): string {
  return `${value.toString(8).padStart(digits, '0')}\0`;
}

/** Content filled up to whole blocks. */
export function padded(content: string | Uint8Array): Buffer {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : Buffer.from(content);
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

/** A file with content, its size right. */
export function rawFile(name: string, content = '', fields: RawFields = {}): Buffer {
  return Buffer.concat([rawHeader({ name, size: octal(content.length), ...fields }), padded(content)]);
}

export function rawDirectory(name: string, fields: RawFields = {}): Buffer {
  return rawHeader({ name, type: '5', mode: '0000755\0', ...fields });
}

export function rawLink(name: string, target: string, type: '1' | '2' = '2'): Buffer {
  return rawHeader({ name, type, link: target });
}

/** A header of type x (or g) with these records. */
export function rawPax(records: Readonly<Record<string, string>>, type = 'x'): Buffer {
  return rawFile(
    'pax',
    Object.entries(records)
      .map(([key, value]) => paxRecord(key, value))
      .join(''),
    { type },
  );
}

export function paxRecord(key: string, value: string): string {
  let length = 0;
  let record = '';
  do {
    length = record.length;
    record = `${length} ${key}=${value}\n`;
  } while (record.length !== length);
  return record;
}

export const zeroBlocks = Buffer.alloc(1024);

/** The parts, and the end of the archive. */
export function archive(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([...parts, zeroBlocks]);
}

/** The bytes in chunks of `size`. */
export async function* inChunks(bytes: Uint8Array, size = bytes.length): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

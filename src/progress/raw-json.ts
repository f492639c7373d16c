import type { BuildEvent } from './event.js';
import type { Renderer, RendererOptions } from './renderer.js';

/** C1 and bidirectional controls, which JSON.stringify leaves as they are; outside of strings JSON has none. */
const unescaped = /[\u007f-\u009f\p{Bidi_Control}\u2028\u2029]/gu;

/**
 * One JSON object per event and line: the event's members, `time` (seconds since the build began), and for output
 * `data` (base64 of the bytes) in place of `chunk`.
 */
export class RawJsonRenderer implements Renderer {
  readonly #options: RendererOptions;
  readonly #start: number;

  constructor(options: RendererOptions) {
    this.#options = options;
    this.#start = options.clock();
  }

  emit(event: BuildEvent): void {
    const time = Math.round(this.#options.clock() - this.#start) / 1000;
    const line = JSON.stringify({ time, ...serialisable(event) });
    this.#options.writer.write(`${line.replace(unescaped, escapeUnit)}\n`);
  }

  end(): void {}
}

function serialisable(event: BuildEvent): object {
  if (event.kind !== 'output') return event;
  const { chunk, ...rest } = event;
  return { ...rest, data: Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('base64') };
}

function escapeUnit(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

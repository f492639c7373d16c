import type { BuildEvent } from '../../src/progress/event.js';
import type { ProgressKind } from '../../src/progress/kinds.js';
import { createRenderer, type RendererOptions } from '../../src/progress/renderer.js';
import type { Writer } from '../../src/progress/writer.js';

/** A Writer that keeps what is written. */
export class RecordingWriter implements Writer {
  text = '';

  constructor(
    readonly isTTY = false,
    readonly columns?: number,
    readonly rows?: number,
  ) {}

  write(text: string): void {
    this.text += text;
  }
}

/** Bytes of a step's output. */
export function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}

/** An event, or a number of milliseconds that pass. */
export type Moment = BuildEvent | number;

/** What a renderer writes for a course of events, under a clock that only numbers move. */
export function rendered(
  kind: ProgressKind,
  moments: readonly Moment[],
  options: Partial<RendererOptions> = {},
): string {
  const writer = new RecordingWriter();
  let now = 1000;
  const clock = (): number => now;
  const renderer = createRenderer(kind, {
    writer,
    clock,
    color: false,
    logLines: 6,
    pushed: false,
    ...options,
  });
  for (const moment of moments) {
    if (typeof moment === 'number') now += moment;
    else renderer.emit(moment);
  }
  renderer.end();
  return writer.text;
}

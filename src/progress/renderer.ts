import type { BuildEvent } from './event.js';
import type { ProgressKind } from './kinds.js';
import { PlainRenderer } from './plain.js';
import { RawJsonRenderer } from './raw-json.js';
import { TtyRenderer } from './tty.js';
import type { Clock, Writer } from './writer.js';

/** Shows the events of one build. */
export interface Renderer {
  emit(event: BuildEvent): void;
  /** Writes what is still held back and gives the terminal back. May be called more than once. */
  end(): void;
}

export interface RendererOptions {
  readonly writer: Writer;
  readonly clock: Clock;
  readonly color: boolean;
  /** How many of its last lines a running step shows on a terminal. */
  readonly logLines: number;
  /** The image was pushed: the summary need not say how. */
  readonly pushed: boolean;
}

/** The renderer for `--progress`; `auto` is `tty` on a terminal and `plain` elsewhere. */
export function createRenderer(kind: ProgressKind, options: RendererOptions): Renderer {
  switch (kind) {
    case 'auto':
      return createRenderer(options.writer.isTTY ? 'tty' : 'plain', options);
    case 'plain':
      return new PlainRenderer(options);
    case 'tty':
      return new TtyRenderer(options);
    case 'rawjson':
      return new RawJsonRenderer(options);
    case 'quiet':
    case 'none':
      return { emit: () => undefined, end: () => undefined };
  }
}

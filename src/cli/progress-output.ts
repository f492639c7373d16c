import type { ProgressKind } from '../progress/kinds.js';
import { createRenderer, type Renderer } from '../progress/renderer.js';
import type { Writer } from '../progress/writer.js';
import { wantsColor } from './color.js';
import type { CliContext, OutputStream } from './context.js';

const defaultLogLines = 6;

export interface ProgressOptions {
  readonly kind: ProgressKind;
  readonly pushed: boolean;
}

/** The renderer of a command's progress, on standard error. */
export function progressRenderer({ kind, pushed }: ProgressOptions, context: CliContext): Renderer {
  const { env, stderr } = context;
  return createRenderer(kind, {
    writer: writerOf(stderr),
    clock: () => performance.now(),
    color: wantsColor(stderr, env),
    logLines: logLines(env['BUILDKIT_TTY_LOG_LINES']),
    pushed,
  });
}

/** A stream as renderers see it. */
export function writerOf(stream: OutputStream): Writer {
  return {
    isTTY: stream.isTTY === true,
    get columns() {
      return stream.columns;
    },
    get rows() {
      return stream.rows;
    },
    write: (text) => void stream.write(text),
  };
}

function logLines(text: string | undefined): number {
  return text !== undefined && /^\d{1,3}$/.test(text) ? Number(text) : defaultLogLines;
}

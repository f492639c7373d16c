import type { Ora } from 'ora';
import { terminalSize, type Writer } from './writer.js';

const hideCursor = '\u001b[?25l';
const frameInterval = 80;

/** What ora needs of a terminal, over any Writer. */
function oraStream(writer: Writer): NodeJS.WritableStream {
  const control = (sequence: string): boolean => {
    writer.write(sequence);
    return true;
  };
  const stream = {
    isTTY: true,
    get columns() {
      return terminalSize(writer).columns;
    },
    get rows() {
      return terminalSize(writer).rows;
    },
    write: control,
    cursorTo: (column: number) => control(`\u001b[${column + 1}G`),
    moveCursor: (_columns: number, rows: number) => control(rows < 0 ? `\u001b[${-rows}A` : ''),
    clearLine: () => control('\u001b[K'),
  };
  // ora calls these members and no others
  return stream as unknown as NodeJS.WritableStream;
}

/**
 * A view of several lines at the bottom of a terminal, redrawn by ora, with text written above it.
 *
 * ora draws but its own timer and its hooks are not used: the timer would keep the process alive although the
 * build is stuck, the hooks patch the global streams, and its cursor handling installs signal handlers.
 * Until ora is loaded nothing is drawn, and `print` writes at once.
 */
export class SpinnerView {
  readonly #writer: Writer;
  readonly #view: () => string;
  #ora: Ora | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  /** `view` is called for each frame. */
  constructor(writer: Writer, view: () => string, color: boolean) {
    this.#writer = writer;
    this.#view = view;
    import('ora').then(
      ({ default: ora }) => {
        if (this.#ended) return;
        const stream = oraStream(writer);
        this.#ora = ora({ stream, isEnabled: true, discardStdin: false, color: color ? 'cyan' : false });
        this.#writer.write(hideCursor);
        this.draw();
        this.#timer = setInterval(() => this.draw(), frameInterval).unref();
      },
      () => undefined,
    );
  }

  /** Draws the next frame. */
  draw(): void {
    if (this.#ora === undefined) return;
    this.#ora.text = this.#view();
    this.#ora.render();
  }

  /** Writes whole lines above the view. */
  print(text: string): void {
    this.#ora?.clear();
    this.#writer.write(text);
    this.draw();
  }

  /** Removes the view and shows the cursor again. */
  end(): void {
    this.#ended = true;
    clearInterval(this.#timer);
    this.#ora?.stop();
    this.#ora = undefined;
  }
}

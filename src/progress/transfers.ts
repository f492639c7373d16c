import { escapeControls } from './escape.js';
import type { Transfer } from './event.js';
import { formatBytes } from './units.js';

/** At least this long between two lines about one item, in milliseconds. */
const interval = 5000;

/** Lets the end of a transfer pass, and of its progress one event per interval. */
export class TransferThrottle {
  readonly #shown = new Map<string, number>();

  admits(event: Transfer, now: number): boolean {
    const key = `${event.step}\0${event.item}`;
    if (isOver(event)) {
      this.#shown.delete(key);
      return true;
    }
    const last = this.#shown.get(key);
    if (last === undefined) this.#shown.set(key, now);
    if (last === undefined || now - last < interval) return false;
    this.#shown.set(key, now);
    return true;
  }
}

export function isOver(event: Transfer): boolean {
  return event.note !== undefined || (event.total !== undefined && event.done >= event.total);
}

/** `sha256:0123456789ab 3.1 MB / 12.4 MB`, `sha256:0123456789ab exists`. */
export function transferText(event: Transfer): string {
  const item = escapeControls(event.item.replace(/^(sha256:[0-9a-f]{12})[0-9a-f]{52}$/, '$1'));
  if (event.note !== undefined) return `${item} ${event.note}`;
  const done = formatBytes(event.done);
  if (event.total === undefined) return `${item} ${done}`;
  return isOver(event) ? `${item} ${done} done` : `${item} ${done} / ${formatBytes(event.total)}`;
}

import { escapeControls } from '../progress/escape.js';
import type { HistoryEntry } from '../oci/types.js';

/** What made a layer, in one line; without `whole` it is cut to 60 characters. */
export function createdBy(entry: HistoryEntry, whole: boolean): string {
  const text = entry.created_by ?? entry.comment ?? '';
  const line = escapeControls(
    text
      .replace(/^\/bin\/sh -c #\(nop\) +/, '')
      .replace(/\s+/g, ' ')
      .trim(),
  );
  return whole || line.length <= 60 ? line : `${line.slice(0, 59)}…`;
}

import { familiarReference, parseReference } from '../oci/reference.js';
import { escapeControls } from './escape.js';

/** A normalised image name as people write it: `app:latest`. What is no reference is shown with its controls escaped. */
export function shownName(name: string): string {
  try {
    return familiarReference(parseReference(name));
  } catch {
    return escapeControls(name);
  }
}

import { formatReference, parseReference, withDefaultTag } from '../oci/reference.js';
import { TsbuildError } from '../util/errors.js';

/** The normalised form of a name that an archive gives. Throws `archive` when it is no name. */
export function archiveName(name: string): string {
  try {
    return formatReference(withDefaultTag(parseReference(name)));
  } catch (error) {
    const shown = JSON.stringify(name.slice(0, 200));
    throw new TsbuildError('archive', `the archive names an image ${shown}, which is no valid name`, {
      cause: error,
    });
  }
}

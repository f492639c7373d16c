/** Member of an image config that holds the records of the image's own layers. */
export const inlineKey = 'tsbuild.cache.v1';

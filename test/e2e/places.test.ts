/** Attacks on whole builds again: as a user with a range of ids, and as one with a single id. */
import { declareInPlaces } from '../helpers/places.js';

const files = ['step-mounts', 'step-secrets', 'step-limits'].map((name) => `e2e/${name}`);

await declareInPlaces([
  ['rootless', files],
  ['single-id', files],
]);

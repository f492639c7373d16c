/** The tests of the sandbox again: as a user with a range of ids, as one with a single id, on an overlay, in a container. */
import { declareInPlaces } from '../helpers/places.js';

const files = [
  'sandbox',
  'steps',
  'step-mounts',
  'step-devices',
  'hostile-images',
  'seccomp-probe',
  'step-probe',
  'whole-probe',
  'killed-builder',
  'attacks',
].map((name) => `executor/${name}`);

await declareInPlaces([
  ['rootless', files],
  ['single-id', files],
  ['overlay', ['executor/sandbox', 'executor/step-mounts', 'executor/step-devices', 'executor/attacks']],
  ['container', ['executor/chroot-steps']],
]);

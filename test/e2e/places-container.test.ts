/** Attacks on whole builds again where chroot mode is all there is: root with the rights that a container gets. */
import { declareInPlaces } from '../helpers/places.js';

await declareInPlaces([['container', ['e2e/attack-builder', 'e2e/log-secrets', 'e2e/log-terminal']]]);

/** Attacks on whole builds again: as a user with a range of ids. */
import { attackFiles, attackTitles } from './attack-files.js';
import { declareInPlaces } from '../helpers/places.js';

await declareInPlaces([['rootless', attackFiles]], attackTitles);

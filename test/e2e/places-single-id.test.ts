/** Attacks on whole builds again: as a user with a single id. */
import { attackFiles, attackTitles } from './attack-files.js';
import { declareInPlaces } from '../helpers/places.js';

await declareInPlaces([['single-id', attackFiles]], attackTitles);

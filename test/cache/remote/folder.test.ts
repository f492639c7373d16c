import test from 'ava';
import { folderBackend } from './backends.js';
import { remoteSuite } from './suite.js';

remoteSuite(test, folderBackend);

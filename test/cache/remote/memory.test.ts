import test from 'ava';
import { memoryBackend } from './backends.js';
import { remoteSuite } from './suite.js';

remoteSuite(test, memoryBackend);

import test from 'ava';
import { registryBackend } from './backends.js';
import { remoteSuite } from './suite.js';

remoteSuite(test, registryBackend);

/** Writes docs/cli.md from the definitions of the commands. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cliReference } from '../src/cli/reference.js';

mkdirSync('docs', { recursive: true });
writeFileSync('docs/cli.md', await cliReference());

#!/usr/bin/env node
'use strict';
const { existsSync, statSync } = require('fs');
const { enableCompileCache } = require('module');
const { homedir } = require('os');
const { join } = require('path');

const main = join(__dirname, '../dist/bundle/main.cjs');

function refuse(message, hint) {
  process.stderr.write(`error: ${message}\nhint: ${hint}\n`);
  process.exit(1);
}

if (parseInt(process.versions.node, 10) < 20) {
  refuse(`tsbuild needs Node.js 20 or newer, not ${process.versions.node}`, 'install a newer Node.js');
}
if (!existsSync(main)) refuse('this checkout of tsbuild is not built', 'run: npm install && npm run build');
try {
  // compiled code is code: it is kept only where nobody else can write
  if (statSync(homedir()).uid === process.getuid()) {
    const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tsbuild/compiled');
    if (enableCompileCache) enableCompileCache(folder);
    else require('./code-cache.js').keepCompiled(join(__dirname, '../dist/bundle/engine.cjs'), folder);
  }
} catch {
  // no home: nothing is kept
}
require(main).main();

'use strict';
/**
 * Keeps V8's compiled code of one large file between runs, for Node.js 20; later ones do so themselves
 * (module.enableCompileCache). A cache of another V8 or of another source is rejected by V8 and written anew.
 */
const { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } = require('fs');
const Module = require('module');
const { dirname, join } = require('path');
const { Script } = require('vm');

/** Compiles `file` (an absolute path) with the cache in `folder` when it is required. */
exports.keepCompiled = (file, folder) => {
  const compile = Module.prototype._compile;
  Module.prototype._compile = function (content, filename) {
    if (filename !== file) return compile.call(this, content, filename);
    Module.prototype._compile = compile;
    return run(this, content, filename, folder);
  };
};

function run(module, content, filename, folder) {
  const { mtimeMs, size } = statSync(filename);
  const cache = join(folder, `${process.version}-${process.arch}-${mtimeMs}-${size}`);
  const script = new Script(Module.wrap(content), { filename, cachedData: readCache(cache) });
  if (script.cachedData === undefined || script.cachedDataRejected)
    process.once('exit', () => writeCache(cache, script));
  const local = (id) => module.require(id);
  return script
    .runInThisContext()
    .call(module.exports, module.exports, local, module, filename, dirname(filename));
}

function readCache(cache) {
  try {
    return readFileSync(cache);
  } catch {
    return undefined;
  }
}

/** At the end of a run, when the functions that it called are compiled too. */
function writeCache(cache, script) {
  try {
    mkdirSync(dirname(cache), { recursive: true, mode: 0o700 });
    const temporary = `${cache}.${process.pid}`;
    writeFileSync(temporary, script.createCachedData(), { mode: 0o600, flag: 'wx' });
    renameSync(temporary, cache);
  } catch {
    // a faster start is all that is lost
  }
}

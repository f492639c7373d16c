/**
 * The same Dockerfiles built by tsbuild, BuildKit and buildah: every file with its mode, owner, links, xattrs,
 * content and time, and every member of the config must be equal, but for differences that are named.
 */
import { configCases } from './cases-config.js';
import { copyCases } from './cases-copy.js';
import { runCases } from './cases-run.js';
import { compareCases } from './compare-builders.js';

compareCases([...copyCases, ...runCases, ...configCases]);

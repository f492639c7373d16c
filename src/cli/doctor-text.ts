import type { Diagnosis, Finding } from '../executor/diagnose.js';
import { promisesOf } from '../executor/mode-promises.js';
import { textTable } from './text-table.js';

/** The findings as a report; ends in a newline. Pure. */
export function doctorText({ mode, modes, others }: Diagnosis): string {
  const probes = Object.entries(modes).map(([name, finding]) => [name, ...cells(finding)]);
  const rest = others.map((finding) => [finding.name, ...cells(finding)]);
  return [
    `isolation mode: ${mode}\n`,
    `\n${textTable(['MODE', 'WORKS', 'FOUND'], probes)}`,
    `\n${textTable(['BESIDES', 'WORKS', 'FOUND'], rest)}`,
    `\n${promises(mode)}`,
    advice(mode, modes, others),
  ].join('');
}

function cells({ works, detail }: Finding): string[] {
  return [works ? 'yes' : 'no', detail];
}

function promises(mode: Diagnosis['mode']): string {
  if (mode === 'none')
    return 'RUN steps cannot run here; everything else, and RUN steps whose result is cached, works.\n';
  return textTable([`PROMISES OF ${mode.toUpperCase()}`, 'KEPT'], promisesOf(mode));
}

/** What would give a stronger mode than the one that works, the strongest first. */
function advice(mode: Diagnosis['mode'], modes: Diagnosis['modes'], others: readonly Finding[]): string {
  const stronger = Object.entries(modes).slice(0, Object.keys(modes).indexOf(mode));
  const wanted = mode === 'none' ? Object.entries(modes) : stronger;
  const lines = [
    ...wanted.map(([name, finding]) => [name, finding.advice]),
    ...others.filter(({ works }) => !works).map((finding) => [finding.name, finding.advice]),
  ].flatMap(([name, text]) => (text === undefined ? [] : `  ${name}: ${text}\n`));
  return lines.length === 0 ? '' : `\nfor more:\n${lines.join('')}`;
}

/** One object. Pure. */
export function doctorJson({ mode, modes, others }: Diagnosis): string {
  return `${JSON.stringify({ mode, promises: Object.fromEntries(promisesOf(mode)), modes, others })}\n`;
}

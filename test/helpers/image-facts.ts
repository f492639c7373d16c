/** What an image holds, as facts that can be compared one by one. Read by a program of its own (image_facts.py). */
import { existsSync } from 'node:fs';
import { findProgram, outputOf } from './programs.js';
import { projectRoot } from './project.js';

export type Section = 'tree' | 'config' | 'history' | 'layer';

/** `tree bin/sh mode 0755`; `config config.Env[0] "A=1"`; `history [0].created_by "…"`; `layer 0 bin/sh file`. */
export interface Fact {
  readonly section: Section;
  readonly subject: string;
  readonly attribute: string;
  readonly value: string;
}

const sections: readonly string[] = ['tree', 'config', 'history', 'layer'] satisfies readonly Section[];

function isSection(text: string): text is Section {
  return sections.includes(text);
}

function parseFact(line: string): Fact {
  const parts: unknown = JSON.parse(line);
  if (!Array.isArray(parts)) throw new Error(`not a fact: ${line}`);
  const [section, subject, attribute, value] = parts.map(String);
  if (section === undefined || !isSection(section)) throw new Error(`not a fact: ${line}`);
  return { section, subject: subject ?? '', attribute: attribute ?? '', value: value ?? '' };
}

/**
 * Facts of an OCI layout (folder or tar), a docker archive, a folder written by `skopeo copy … dir:` or a root
 * file system. Every digest, size and diff_id on the way is verified. `reference` names one image of a layout.
 */
export async function readImageFacts(place: string, reference?: string): Promise<readonly Fact[]> {
  // The distribution's own Python: a version manager's shim costs a fifth of a second a call.
  const python = findPython();
  const program = `${projectRoot}/test/helpers/image_facts.py`;
  const argv = [python, '-I', program, place, ...(reference === undefined ? [] : [reference])];
  const text = await outputOf(argv);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(parseFact);
}

function findPython(): string {
  const system = '/usr/bin/python3';
  const found = existsSync(system) ? system : findProgram('python3');
  if (found === undefined) throw new Error('python3 is missing');
  return found;
}

import { parse } from 'yaml';

/**
 * Reads a document of YAML 1.1, which the programs read that write CDI specs: modes such as 0660 are octal there. Throws
 * on what is no YAML. To be imported when it is needed: the library is large.
 */
export function parseYaml(text: string): unknown {
  return parse(text, { version: '1.1', logLevel: 'error' });
}

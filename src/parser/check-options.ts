import { goBoolean } from './go-boolean.js';

/** The lint options of a file: the text behind `# check=`, parts separated by `;`. */
export interface CheckOptions {
  readonly skipAll: boolean;
  readonly skip: ReadonlySet<string>;
  /** Experimental rules that are asked for; `all` asks for every one. */
  readonly experimental: ReadonlySet<string>;
  /** True when any finding is to fail the build. */
  readonly error: boolean;
  /** What was wrong with the text. */
  readonly problems: readonly string[];
}

/** Reads `skip=A,B;error=true;experimental=A` (`skip=all`). Names are case-sensitive. */
export function parseCheckOptions(text: string | undefined): CheckOptions {
  const values = new Map<string, string>();
  const problems: string[] = [];
  for (const part of text === undefined ? [] : text.split(';')) {
    const [name = '', value] = part.split('=', 2).map((each) => each.trim());
    if (!['skip', 'error', 'experimental'].includes(name))
      problems.push(`unknown check option ${JSON.stringify(name)}`);
    else if (value === undefined) problems.push(`check option ${name} needs a value`);
    else if (values.has(name)) problems.push(`check option ${name} is given twice`);
    else if (name === 'error' && goBoolean(value) === undefined)
      problems.push('check option error must be true or false');
    else values.set(name, value);
  }
  const skip = names(values.get('skip'));
  return {
    skip,
    skipAll: skip.has('all'),
    experimental: names(values.get('experimental')),
    error: goBoolean(values.get('error')) === true,
    problems,
  };
}

function names(list: string | undefined): Set<string> {
  return new Set((list ?? '').split(',').map((name) => name.trim()));
}

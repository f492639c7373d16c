import { readFileSync } from 'node:fs';

/** Version of tsbuild, from the package.json above this file: in a checkout and in the installed bundle. */
export function version(): string {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    const text = read(new URL('package.json', folder));
    const parsed: unknown = text === undefined ? undefined : JSON.parse(text);
    if (isNamed(parsed) && parsed.name === 'tsbuild-oci') return parsed.version;
    if (folder.pathname === '/') return 'unknown';
  }
}

function read(url: URL): string | undefined {
  try {
    return readFileSync(url, 'utf8');
  } catch {
    return undefined;
  }
}

function isNamed(value: unknown): value is { name: string; version: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    'version' in value &&
    typeof value.name === 'string' &&
    typeof value.version === 'string'
  );
}

/** One line about what runs, for reports of bugs. */
export function aboutThisProcess(): string {
  return `tsbuild ${version()}, node ${process.version}, ${process.platform} ${process.arch}`;
}

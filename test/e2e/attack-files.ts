/** Tests of whole builds that are run in every mode (places-*.test.ts). */
export const attackFiles = [
  'step-mounts',
  'step-secrets',
  'step-limits',
  'attack-builder',
  'log-secrets',
  'log-terminal',
  'killed-builds',
  'attack-packages',
].map((name) => `e2e/${name}`);

/** Titles of attacks, which begin with what they repeat; and what a killed builder leaves. */
export const attackTitles = ['SBX-*', 'DF-*', 'LOG-*', 'CVE-*', 'GHSA-*', '*killed*'];

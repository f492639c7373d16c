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

import { finding, instructionsOf, type Rule } from './rule.js';

/** Files that hold nothing but secrets, by the end of their path. */
const secretFiles =
  /(?:^|\/)(?:\.env|\.netrc|\.pgpass|\.npmrc|\.pypirc|\.git-credentials|id_(?:rsa|dsa|ecdsa|ed25519)|\.aws\/credentials|\.docker\/config\.json|\.kube\/config)$/;

/** Whether a path is one under which programs keep passwords or private keys. */
export function isSecretFile(path: string): boolean {
  return secretFiles.test(path);
}

/** Ours: whoever has the image has the file, even when a later layer deletes it. */
export const secretFileCopied: Rule = {
  name: 'SecretFileCopied',
  description: 'Files with passwords or private keys should not be copied into an image',
  *check(dockerfile) {
    for (const instruction of instructionsOf(dockerfile)) {
      if (instruction.kind !== 'COPY' && instruction.kind !== 'ADD') continue;
      if (instruction.kind === 'COPY' && instruction.from !== undefined) continue;
      for (const source of instruction.sources.filter(isSecretFile)) {
        yield finding(
          instruction,
          `${JSON.stringify(source)} holds secrets, and stays in the image for everybody who has it`,
          'use RUN --mount=type=secret',
        );
      }
    }
  },
};

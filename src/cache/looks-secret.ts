const names =
  /pass|secret|token|credential|auth|private|apikey|api_key|access_?key|(?:^|_)(?:key|pwd|pat|jwt)(?:_|$)/i;
/** Heads of well-known tokens, PEM blocks, and a user with a password in a URL. */
const values =
  /^(?:gh[oprsu]_|github_pat_|glpat-|xox[abprs]-|sk-|AKIA|ASIA|npm_|pypi-|eyJ)|-----BEGIN |:\/\/[^/\s:@]*:[^/\s@]+@/;
/** Long words of letters and digits without a meaning that anyone could read. */
const random = /(?:^|[^A-Za-z0-9+/_-])(?=[A-Za-z0-9+/_-]*\d)(?=[A-Za-z0-9+/_-]*[A-Za-z])[A-Za-z0-9+/_-]{32,}/;
const digests = /\bsha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})\b/g;

/** Whether a value should not be shown: its name, its form or its randomness says that it may be a secret. */
export function looksSecret(name: string, value: string): boolean {
  return names.test(name) || values.test(value) || random.test(value.replaceAll(digests, ''));
}

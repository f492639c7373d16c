import { forgetCredentials } from '../../registry/keep-credentials.js';
import { defineCommand } from '../define-command.js';
import { credentialsFile, signInScope } from '../sign-in-target.js';

export const logout = defineCommand({
  name: 'logout',
  summary: 'Forget the password of a registry',
  positionals: '[REGISTRY]',
  arity: [0, 1],
  options: {
    authfile: {
      kind: 'text',
      value: 'FILE',
      describe: 'Credentials file in the form of Docker’s config.json',
    },
  },
  async run({ options, positionals: [registry] }, cli) {
    const scope = signInScope(registry);
    const file = credentialsFile(options.authfile, cli);
    const known = await forgetCredentials(scope, { file, env: cli.env });
    const name = scope.path === '' ? scope.registry : `${scope.registry}/${scope.path}`;
    cli.stdout.write(known ? `Removed the password for ${name}\n` : `There is no password for ${name}\n`);
    return 0;
  },
});

import { defineCommand } from '../define-command.js';
import { registryOptions } from '../registry-request.js';

const { creds: _, ...shared } = registryOptions;

export const login = defineCommand({
  name: 'login',
  summary: 'Sign in to a registry and keep the password',
  positionals: '[REGISTRY]',
  arity: [0, 1],
  options: {
    username: { kind: 'text', short: 'u', value: 'NAME', describe: 'User name' },
    password: {
      kind: 'text',
      short: 'p',
      value: 'PASSWORD',
      describe: 'Password; others on this machine can see it, so --password-stdin is better',
    },
    'password-stdin': { kind: 'flag', describe: 'Read the password from standard input' },
    ...shared,
  },
  epilogue:
    'REGISTRY is a host (default docker.io), or HOST/PATH for a part of one. The password is kept by the credential helper that config.json names, else in config.json itself.',
  async run({ options, positionals: [registry] }, cli) {
    const { runLogin } = await import('../run-login.js');
    return runLogin(registry, options, cli);
  },
});

import { defineCommand } from '../define-command.js';
import { kanikoOptions, kanikoPeerFlags } from '../kaniko-options.js';

export const kaniko = defineCommand({
  name: 'kaniko',
  summary: 'Build and push with the flags of kaniko’s executor',
  positionals: '',
  arity: [0, 0],
  options: kanikoOptions,
  peerFlags: kanikoPeerFlags,
  epilogue: 'For pipelines that ran /kaniko/executor: the same flags, credentials from /kaniko/.docker too.',
  async run({ options }, cli) {
    const { runKaniko } = await import('../run-kaniko.js');
    return runKaniko(options, cli);
  },
});

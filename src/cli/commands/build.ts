import { buildOptions } from '../build-options.js';
import { severalTargets } from '../build-request.js';
import { buildRequests } from '../build-targets.js';
import type { CliContext } from '../context.js';
import { defineCommand } from '../define-command.js';
import { inNamespace } from '../in-namespace.js';
import { refuseLoggedTar, withLogFile } from '../log-file.js';
import { buildPeerFlags } from '../peer-flags.js';

export const build = defineCommand({
  name: 'build',
  summary: 'Build an image from a Dockerfile',
  positionals: 'CONTEXT',
  arity: [1, 1],
  options: buildOptions,
  peerFlags: buildPeerFlags,
  epilogue:
    'CONTEXT is a folder, a tar, a git or http URL, or - for a tar or a Dockerfile on standard input. The digest of the image configuration is printed on standard output, progress on standard error.',
  async run({ options, positionals: [context = ''] }, cli) {
    const requests = buildRequests(context, options, cli);
    const [request, ...others] = requests;
    const { call } = request;
    if (others.length > 0 && (options['dry-run'] || (call !== undefined && call.method !== 'check')))
      throw severalTargets();
    refuseLoggedTar(options.logfile, options.output);
    const logged = (work: (to: CliContext) => Promise<number>) => withLogFile(options.logfile, cli, work);
    if (call !== undefined) {
      const { runCall } = await import('../run-call.js');
      return logged((to) => runCall(requests, call, to));
    }
    if (options['dry-run']) {
      const { runPlan } = await import('../run-plan.js');
      return logged((to) => runPlan(request, to, false));
    }
    return inNamespace(request.isolation, cli, async () => {
      const { runBuild } = await import('../run-build.js');
      return logged((to) => runBuild(requests, to));
    });
  },
});

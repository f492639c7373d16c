import { realpathSync } from 'node:fs';
import type { Command } from '../command.js';
import { defineCommand } from '../define-command.js';
import { dockerFolder } from '../sign-in-target.js';

export const dockerPluginInstall = defineCommand({
  name: 'docker-plugin install',
  summary: 'Make tsbuild a plugin of the docker command',
  positionals: '',
  arity: [0, 0],
  options: {
    default: {
      kind: 'flag',
      describe: 'Let docker build and docker builder run tsbuild, which needs no daemon',
    },
  },
  epilogue:
    'The plugin goes into cli-plugins of $DOCKER_CONFIG or ~/.docker, the default into config.json there.',
  async run({ options }, context) {
    const { installPlugin, setBuilderAlias } = await import('../docker-plugin.js');
    const folder = dockerFolder(context);
    const launcher = realpathSync(process.argv[1] ?? '');
    const path = await installPlugin(folder, { node: process.execPath, launcher });
    context.stdout.write(`Installed ${path}: docker tsbuild build runs tsbuild\n`);
    if (!options.default) return 0;
    const before = await setBuilderAlias(folder, true);
    const instead = before === undefined || before === 'tsbuild' ? '' : ` instead of ${before}`;
    context.stdout.write(`docker build and docker builder run tsbuild${instead}\n`);
    return 0;
  },
});

export const dockerPluginUninstall = defineCommand({
  name: 'docker-plugin uninstall',
  summary: 'Remove the plugin of the docker command, and the default',
  positionals: '',
  arity: [0, 0],
  options: {},
  async run(_, context) {
    const { setBuilderAlias, uninstallPlugin } = await import('../docker-plugin.js');
    const folder = dockerFolder(context);
    await setBuilderAlias(folder, false);
    const known = await uninstallPlugin(folder);
    context.stdout.write(known ? 'Removed the plugin\n' : 'The plugin was not installed\n');
    return 0;
  },
});

const pluginRun = defineCommand({
  name: 'docker-plugin run',
  summary: 'Run tsbuild with the arguments that docker gives its plugin',
  positionals: 'ARGUMENT...',
  arity: [0, Infinity],
  options: {},
  async run({ positionals }, context) {
    const { runDockerPlugin } = await import('../run-docker-plugin.js');
    return runDockerPlugin(positionals, context);
  },
});

/** What the plugin starts; its arguments are docker's, so they are not parsed as ours. */
export const dockerPluginRun: Command = {
  ...pluginRun,
  main: (args, context) => pluginRun.main(args[0] === '--help' ? args : ['--', ...args], context),
};

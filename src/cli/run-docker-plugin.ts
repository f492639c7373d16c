import { connect } from 'node:net';
import type { CliContext } from './context.js';
import { dispatch } from './dispatch.js';

/** Options of `docker` itself that are followed by a value; they stand before the plugin's name. */
const dockerOptions = new Set([
  '--config',
  '-c',
  '--context',
  '-H',
  '--host',
  '-l',
  '--log-level',
  '--tlscacert',
  '--tlscert',
  '--tlskey',
]);

export interface PluginCall {
  /** Arguments of tsbuild. */
  readonly args: readonly string[];
  /** What `docker --config` named. */
  readonly config: string | undefined;
}

/**
 * What docker wants of its plugin: `[docker's options] tsbuild build …`. `docker builder prune` and `du` come as
 * `prune` and `du`, which are about the cache here.
 */
export function pluginCall(given: readonly string[]): PluginCall {
  const rest = [...given];
  let config: string | undefined;
  for (let arg = rest.shift(); arg !== undefined && arg !== 'tsbuild'; arg = rest.shift()) {
    const [name = '', inline] = arg.split(/=(.*)/s);
    const value = dockerOptions.has(name) ? (inline ?? rest.shift()) : undefined;
    if (name === '--config') config = value;
  }
  const [verb] = rest;
  const args = verb === 'prune' || verb === 'du' ? ['cache', ...rest] : rest;
  return { args: args.length === 0 ? ['--help'] : args, config };
}

/** Runs tsbuild as docker's plugin. Resolves to the exit code. */
export async function runDockerPlugin(given: readonly string[], context: CliContext): Promise<number> {
  const { args, config } = pluginCall(given);
  followDocker(context.env['DOCKER_CLI_PLUGIN_SOCKET']);
  const env = config === undefined ? context.env : { ...context.env, DOCKER_CONFIG: config };
  return dispatch(args, { ...context, env });
}

/** docker closes this socket when it was told to end and its plugin was not. `@` stands for an abstract one. */
function followDocker(socket: string | undefined): void {
  if (socket === undefined || socket === '') return;
  const connection = connect({ path: socket.replace(/^@/, '\0') });
  let connected = false;
  connection.once('connect', () => (connected = true)).on('error', () => undefined);
  connection.once('close', () => {
    if (connected) process.kill(process.pid, 'SIGTERM');
  });
  connection.resume().unref();
}

import { lstat, readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { StepSettings } from '../build/step-equipment.js';
import { checkSecretSize, readSecret } from '../executor/secrets.js';
import type { AgentSource } from '../executor/ssh-agents.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import type { BuildRequest } from './build-request.js';
import type { CliContext } from './context.js';
import type { SshRequest } from './step-options.js';

/** Reads what RUN steps are given: secrets, keys, limits. Throws `usage` for what cannot be read. */
export async function stepSettings(request: BuildRequest, context: CliContext): Promise<StepSettings> {
  return {
    network: request.network,
    entitlements: request.allow.entitlements,
    allowedDevices: request.allow.devices,
    deviceFolders: request.steps.deviceFolders.map((folder) => resolve(context.cwd, folder)),
    secrets: await readSecrets(request.secrets, context),
    agents: await findAgents(request.steps.ssh, context),
    extraHosts: request.addHosts,
    resolver: request.steps.resolver,
    limits: request.steps.limits,
    hostPorts: request.steps.hostPorts,
  };
}

/** A variable that is not set is no secret, as with buildx: whether it is missed is said by who requires it. */
async function readSecrets(
  requests: BuildRequest['secrets'],
  { env, cwd }: CliContext,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const secrets = new Map<string, Uint8Array>();
  for (const { id, source } of requests) {
    if (source.kind === 'file') {
      secrets.set(id, await readSecret(id, resolve(cwd, source.path)));
      continue;
    }
    const value = env[source.name];
    if (value === undefined) continue;
    const bytes = Buffer.from(value);
    checkSecretSize(id, bytes);
    secrets.set(id, bytes);
  }
  return secrets;
}

async function findAgents(
  requests: readonly SshRequest[],
  context: CliContext,
): Promise<ReadonlyMap<string, AgentSource>> {
  const agents = new Map<string, AgentSource>();
  for (const request of requests) agents.set(request.id, await findAgent(request, context));
  return agents;
}

async function findAgent({ id, paths }: SshRequest, { env, cwd }: CliContext): Promise<AgentSource> {
  const [first, ...others] = paths;
  if (first === undefined) return { kind: 'socket', path: agentSocket(id, env['SSH_AUTH_SOCK']) };
  const path = resolve(cwd, first);
  if (others.length === 0 && (await isSocket(path))) return { kind: 'socket', path };
  return { kind: 'keys', keys: await Promise.all(paths.map((key) => readKey(resolve(cwd, key)))) };
}

function agentSocket(id: string, path: string | undefined): string {
  if (path !== undefined && path !== '') return path;
  throw new TsbuildError('usage', `--ssh ${id} needs a running agent: SSH_AUTH_SOCK is not set`, {
    hint: `start one with eval "$(ssh-agent)" and ssh-add, or write --ssh ${id}=KEYFILE`,
  });
}

async function isSocket(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isSocket() ?? false;
}

async function readKey(path: string) {
  const { parseAgentKey } = await import('../executor/ssh-keys.js');
  try {
    return parseAgentKey(await readFile(path, 'latin1'), basename(path));
  } catch (error) {
    const code = errnoCode(error);
    if (code === undefined || error instanceof TsbuildError) throw error;
    throw new TsbuildError('usage', `the SSH key ${JSON.stringify(path)} cannot be read: ${code}`, {
      cause: error,
    });
  }
}

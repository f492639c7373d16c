/**
 * The network of steps that name none: one network namespace per build, connected to the outside by pasta or
 * slirp4netns. From it neither the host's loopback addresses nor the metadata services of clouds can be reached.
 */
import { constants } from 'node:fs';
import { access, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { hostArch } from '../sys/player-file.js';
import { encodeProgram, type Program } from '../sys/program.js';
import { startPlayer, playerError, type Player, type Report } from '../sys/player.js';
import { removeTree } from '../sys/remove-tree.js';
import { bytePath } from '../util/bytes.js';
import { errnoCode } from '../util/errors.js';
import { once } from '../util/once.js';
import { connectors, type Connector } from './network-connectors.js';
import { connectorProgram, namespaceProgram, namespaceReadyTag } from './sandbox/network.js';

export interface IsolatedNetwork {
  /** Path of the network namespace, a byte string. */
  readonly namespace: string;
  readonly resolvConf: Uint8Array;
}

export interface StepNetworks {
  /** The build's own network, made when it is first asked for; undefined where the host's has to serve. */
  isolated(): Promise<IsolatedNetwork | undefined>;
  close(): Promise<void>;
}

export interface NetworkOptions {
  /** Names a new folder, a byte string, for files of the network; it is made and deleted here. */
  readonly folder: () => string;
  /** Ports of the host's 127.0.0.1 that steps reach at theirs. */
  readonly hostPorts: readonly number[];
  /** Told once why steps share the host's network. */
  readonly onShared: (reason: string) => void;
}

/** Nothing is started before a step asks for it. */
export function stepNetworks(options: NetworkOptions): StepNetworks {
  let network: BuildNetwork | undefined;
  const isolated = once(async () => {
    try {
      network = await BuildNetwork.start(options.folder(), options.hostPorts);
      return network;
    } catch (error) {
      if (!(error instanceof NoNetwork)) throw error;
      options.onShared(error.message);
      return undefined;
    }
  });
  return {
    isolated,
    close: async () => {
      await network?.close();
    },
  };
}

/** Why there is no isolated network here: a phrase. */
class NoNetwork extends Error {}

class BuildNetwork implements IsolatedNetwork {
  private constructor(
    readonly namespace: string,
    readonly resolvConf: Uint8Array,
    private readonly parts: { readonly folder: string; readonly players: readonly Player[] },
  ) {}

  static async start(folder: string, hostPorts: readonly number[]): Promise<BuildNetwork> {
    const found = await findConnector(hostPorts);
    await mkdir(bytePath(folder), { mode: 0o700 });
    const players: Player[] = [];
    try {
      const owner = await startNamespace();
      players.push(owner);
      const namespace = `/proc/${owner.pid}/ns/net`;
      players.push(await connect(found, { folder, namespace, hostPorts }));
      return new BuildNetwork(namespace, await resolvers(found.connector), { folder, players });
    } catch (error) {
      await end(players);
      await removeTree(folder);
      throw error;
    }
  }

  async close(): Promise<void> {
    await end(this.parts.players);
    await removeTree(this.parts.folder);
  }
}

async function end(players: readonly Player[]): Promise<void> {
  for (const player of players.toReversed()) {
    player.kill();
    await player.done;
  }
}

interface Found {
  readonly connector: Connector;
  readonly program: string;
}

const programFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

async function findConnector(hostPorts: readonly number[]): Promise<Found> {
  const usable = connectors.filter(({ forwardsPorts }) => forwardsPorts || hostPorts.length === 0);
  for (const connector of usable) {
    for (const folder of programFolders) {
      const program = `${folder}/${connector.name}`;
      const stats = await stat(program).catch(() => undefined);
      if (stats?.isFile() && (stats.mode & 0o111) !== 0) return { connector, program };
    }
  }
  throw new NoNetwork(`${usable.map(({ name }) => name).join(' or ')} is not installed`);
}

/** A process that holds a new network namespace until it is killed, or this process ends. */
async function startNamespace(): Promise<Player> {
  const program = namespaceProgram();
  const { player, ready } = await startReporting(program, namespaceReadyTag);
  if (await ready) return player;
  player.kill();
  throw new NoNetwork('a network namespace cannot be made here');
}

/** Starts a player; `ready` is false when it ended or failed before it reported the tag. */
async function startReporting(
  program: Program,
  tag: bigint,
): Promise<{ readonly player: Player; readonly ready: Promise<boolean> }> {
  let settle: (ready: boolean) => void = () => undefined;
  const ready = new Promise<boolean>((resolve) => (settle = resolve));
  const onReport = (report: Report): void => settle(report.tag === tag);
  const player = await startPlayer(encodeProgram(program, hostArch()), { onReport });
  void player.done.then(() => settle(false));
  return { player, ready };
}

/** Milliseconds that a connector may take; it takes some ten of them. */
const patience = 10_000;

async function connect(
  { connector, program }: Found,
  {
    folder,
    namespace,
    hostPorts,
  }: { readonly folder: string; readonly namespace: string; readonly hostPorts: readonly number[] },
): Promise<Player> {
  const place = { namespace: `${folder}/namespace`, ready: `${folder}/ready`, hostPorts };
  await writeFile(bytePath(place.namespace), '');
  const argv = [program, ...connector.argv(place)];
  const played = connectorProgram({ namespace, mountedOn: place.namespace, ready: place.ready, argv });
  let failure: Report | undefined;
  let ended = false;
  const player = await startPlayer(encodeProgram(played, hostArch()), {
    onReport: (report) => (failure ??= report),
  });
  void player.done.then(() => (ended = true));
  for (const start = performance.now(); performance.now() - start < patience && !ended;) {
    if (await isReady(place.ready)) return player;
    await delay(3);
  }
  player.kill();
  await player.done;
  const refused = failure === undefined || failure.tag < 0n ? undefined : playerError(played, failure);
  const why = refused?.message ?? (await whyNot());
  throw new NoNetwork(`${connector.name} cannot be used: ${why}`);
}

/** The device that every connector needs. */
const tunnel = '/dev/net/tun';

async function whyNot(): Promise<string> {
  const code = await access(tunnel, constants.R_OK | constants.W_OK).then(() => undefined, errnoCode);
  return code === undefined ? 'it does not start here' : `${tunnel} cannot be opened (${code})`;
}

async function isReady(path: string): Promise<boolean> {
  try {
    return (await stat(bytePath(path))).size > 0;
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** The host's /etc/resolv.conf with the connector's address in place of servers that may be the host's own. */
async function resolvers({ nameServer }: Connector): Promise<Uint8Array> {
  const text = await readFile('/etc/resolv.conf', 'latin1').catch(() => '');
  const kept = text.split('\n').filter((line) => /^\s*(search|domain|options)\s/.test(line));
  return Buffer.from([`nameserver ${nameServer}`, ...kept, ''].join('\n'), 'latin1');
}

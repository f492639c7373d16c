/**
 * SSH agents for steps. A step gets a socket of ours, never the one of the host: requests are passed on only as far as
 * listing identities and signing, so that a step can neither add, remove nor lock keys.
 */
import { chmodSync, chownSync, closeSync, constants, mkdirSync, openSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { bytePath } from '../util/bytes.js';
import { removeTree } from '../sys/remove-tree.js';
import { TsbuildError } from '../util/errors.js';
import { FrameReader, frameOf, isAllowedRequest, refusal } from './ssh-protocol.js';
import { answerWithKeys, type AgentKey } from './ssh-keys.js';

/** Where signatures come from: the socket of a running agent, or keys of our own. */
export type AgentSource =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'keys'; readonly keys: readonly AgentKey[] };

export interface OpenAgent {
  /** Host path of the socket, a byte string. */
  readonly path: string;
  close(): Promise<void>;
}

export interface SshAgents {
  has(id: string): boolean;
  /** A socket for one step with this owner and mode. Throws `run` when it cannot be made. */
  open(
    id: string,
    owner: { readonly mode: number; readonly uid: number; readonly gid: number },
  ): Promise<OpenAgent>;
}

/** Agents by id; `folder` names a new folder (byte string) at each call, which is made and deleted here. */
export function sshAgents(sources: ReadonlyMap<string, AgentSource>, folder: () => string): SshAgents {
  return {
    has: (id) => sources.has(id),
    open: async (id, owner) => {
      const source = sources.get(id);
      if (source === undefined) throw new Error(`no agent ${id}`);
      return listen(source, folder(), owner);
    },
  };
}

async function listen(
  source: AgentSource,
  folder: string,
  { mode, uid, gid }: { readonly mode: number; readonly uid: number; readonly gid: number },
): Promise<OpenAgent> {
  mkdirSync(bytePath(folder), { mode: 0o700 });
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    sockets.add(client);
    client.on('close', () => sockets.delete(client));
    serve(client, source);
  });
  const fd = openSync(bytePath(folder), constants.O_RDONLY | constants.O_DIRECTORY);
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise<void>((resolve) => server.close(() => resolve()));
    closeSync(fd); // not earlier: closing the server deletes its socket through it
    await removeTree(folder);
  };
  try {
    await listenIn(server, fd);
    const path = `${folder}/${socketName}`;
    chownSync(bytePath(path), uid, gid);
    chmodSync(bytePath(path), mode);
    return { path, close };
  } catch (cause) {
    await close();
    throw new TsbuildError('run', 'a socket for an SSH agent could not be made', { cause });
  }
}

const socketName = 'agent';

/** Bound through a descriptor of its folder: the path of a socket must fit 107 bytes (unix(7)). */
function listenIn(server: Server, fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(`/proc/self/fd/${fd}/${socketName}`, () => resolve());
  });
}

/** Requests of one connection, answered one after the other. */
function serve(client: Socket, source: AgentSource): void {
  client.on('error', () => client.destroy());
  const answer = source.kind === 'keys' ? ownAnswers(source.keys) : forwarder(client, source.path);
  const reader = new FrameReader((request) => {
    if (isAllowedRequest(request)) answer(request, (reply) => send(client, frameOf(reply)));
    else send(client, frameOf(refusal));
  });
  client.on('data', (chunk: Buffer) => {
    if (!reader.push(chunk)) client.destroy();
  });
}

/** What a step may leave unread, in bytes. */
const mostUnread = 1 << 20;

function send(client: Socket, bytes: Buffer): void {
  client.write(bytes);
  if (client.writableLength > mostUnread) client.destroy();
}

type Answer = (request: Buffer, reply: (message: Buffer) => void) => void;

function ownAnswers(keys: readonly AgentKey[]): Answer {
  return (request, reply) => reply(answerWithKeys(keys, request));
}

/** A connection to the agent for each of the step's: whatever the agent says goes back. */
function forwarder(client: Socket, path: string): Answer {
  const agent = connect(path);
  agent.on('error', () => client.destroy());
  agent.on('close', () => client.destroy());
  client.on('close', () => agent.destroy());
  agent.on('data', (chunk: Buffer) => send(client, chunk));
  return (request) => agent.write(frameOf(request));
}

/** An SSH agent that has no keys, and a program that asks one. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { compileStatic } from '../executor/busybox-root.js';

export interface FakeAgent {
  /** Kinds of the requests that came. */
  readonly seen: readonly number[];
  close(): void;
}

/** Answers every request with an empty list of keys. */
export async function startAgent(path: string): Promise<FakeAgent> {
  const seen: number[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      seen.push(chunk[4] ?? -1);
      socket.write(Buffer.from([0, 0, 0, 5, 12, 0, 0, 0, 0]));
    });
  });
  await new Promise<void>((resolve) => server.listen(path, () => resolve()));
  return { seen, close: () => server.close() };
}

/** Asks the agent of SSH_AUTH_SOCK for a list, and to add a key; prints the kinds of the answers. */
const client = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(void) {
  struct sockaddr_un to = {AF_UNIX};
  strcpy(to.sun_path, getenv("SSH_AUTH_SOCK"));
  int s = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(s, (struct sockaddr *)&to, sizeof to)) { perror("connect"); return 1; }
  char codes[2] = {11, 17};
  for (int i = 0; i < 2; i++) {
    char ask[5] = {0, 0, 0, 1, codes[i]}, answer[9] = {0};
    write(s, ask, 5);
    for (int got = 0, want = 5; got < want;) {
      int n = read(s, answer + got, want - got);
      if (n <= 0) return 2;
      got += n;
      if (got >= 4) want = 4 + answer[3];
    }
    printf("%d\\n", answer[4]);
  }
}
`;

/** The program, for steps; undefined where there is no compiler. `path` is where it may be made. */
export function compileAgentClient(path: string): Buffer | undefined {
  return compileStatic(client, path) ? readFileSync(path) : undefined;
}

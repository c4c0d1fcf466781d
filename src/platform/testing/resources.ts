import { mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

type Ending = { after(cleanUp: () => Promise<void> | void): void };

/**
 * An empty directory that is removed when test `t` has ended, after everything else that the test cleans up: hooks run in the
 * order of their registration, so that one registered now would remove it under what is opened later. A process that was
 * just killed may still write to it: removal is tried again for some seconds.
 */
export function temporaryDirectory(t: Ending): string {
  const path = mkdtempSync(join(tmpdir(), 'millrace-'));
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  t.after(() => t.after(remove));
  return path;
}

const FIRST = 20_000;
const FIRST_EPHEMERAL = 32_768;
/** More than most processes take: those that start servers at the same time begin at different ports. */
const PORTS_PER_PROCESS = 16;

let taken = 0;

/**
 * A TCP port of 127.0.0.1 on which nobody listens, each call another one, for a server that is going to be killed and
 * started again on it. It lies below the ports that the system gives to outgoing connections: among those, a client
 * that tries to connect while the server is down can be given the very port, and so keep the server from it.
 */
export async function freePort(): Promise<number> {
  const count = Math.max(1000, Math.min(FIRST_EPHEMERAL, firstEphemeralPort()) - FIRST);
  for (let tries = 0; tries < count; tries++) {
    const port = FIRST + ((process.pid * PORTS_PER_PROCESS + taken++) % count);
    if (await isFree(port)) return port;
  }
  throw new Error(`found no free port from ${FIRST} on`);
}

function firstEphemeralPort(): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/)[0]);
  } catch {
    return FIRST_EPHEMERAL;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

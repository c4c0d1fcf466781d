import { type Clock, errorCode, RetryableError } from '#platform';
import type { TaskId } from '../task/assignment/assignment.ts';
import { signPeerRequest } from './peer-signature.ts';
import { moving, type Rows, type RowsWanted } from './rows.ts';

/** Which copy of a task: the one that processes, or one that follows it. */
export type Role = 'active' | 'standby';

/** A read of one store in one task. */
export type TaskRead = {
  readonly task: TaskId;
  readonly role: Role;
  readonly store: string;
  readonly wanted: RowsWanted;
};

/** The tasks of another process. */
export interface Peers {
  /** Errors: MR_QUERY_TASK_MOVING where it does not have that copy, can't be reached or takes too long. */
  read(endpoint: string, read: TaskRead): Promise<Rows>;
}

export const PEER_PATH = '/tasks/:subTopology/:partition/rows';

type RowsOnWire = Omit<Rows, 'rows'> & { readonly rows: readonly (readonly [key: string, value: string])[] };

export type HttpPeersOptions = {
  readonly clock: Clock;
  readonly timeoutMs?: number;
  /** Signs requests, for processes that listen beyond their machine; read for each request, as it may be renewed. */
  readonly secret?: () => string | undefined;
  /** In place of Node's own, where processes know each other by certificates. */
  readonly fetch?: typeof fetch | undefined;
};

/** Reads from other processes over HTTP, at the route that `servePeers` gives them. */
export function httpPeers({ clock, timeoutMs = 2_000, secret, fetch: by = fetch }: HttpPeersOptions): Peers {
  return {
    read: async (endpoint, read) => {
      const answered = new AbortController();
      const tooLate = new AbortController();
      void clock.sleep(timeoutMs, answered.signal).then(() => tooLate.abort());
      try {
        const url = new URL(peerUrl(read), endpoint);
        const key = secret?.();
        const token = key && signPeerRequest(key, url.pathname + url.search, clock.now());
        const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
        const response = await by(url, { headers, signal: tooLate.signal });
        const body: unknown = await response.json();
        if (!response.ok) throw refusal(endpoint, response.status, body);
        return rowsFromWire(body as RowsOnWire);
      } catch (cause) {
        if (cause instanceof RetryableError) throw cause;
        throw moving(`${endpoint} gave no answer`, cause);
      } finally {
        answered.abort();
      }
    },
  };
}

type WantedOnWire = {
  readonly key?: string | undefined;
  readonly gte: string;
  readonly lt: string;
  readonly limit: number;
};

export function rowsToWire({ rows, ...rest }: Rows): RowsOnWire {
  return { ...rest, rows: rows.map(({ key, value }) => [base64(key), base64(value)]) };
}

function rowsFromWire({ rows, ...rest }: RowsOnWire): Rows {
  return { ...rest, rows: rows.map(([key, value]) => ({ key: bytes(key), value: bytes(value) })) };
}

function peerUrl({ task, role, store, wanted }: TaskRead): string {
  const path = `/tasks/${encodeURIComponent(task.subTopology)}/${task.partition}/rows`;
  const rows =
    'key' in wanted
      ? { key: base64(wanted.key) }
      : { gte: base64(wanted.range.gte), lt: base64(wanted.range.lt), limit: String(wanted.limit) };
  return `${path}?${new URLSearchParams({ store, role, ...rows })}`;
}

/** Decodes the rows that a request to `peerUrl` wants. */
export function wantedFrom({ key, gte, lt, limit }: WantedOnWire): RowsWanted {
  if (key !== undefined) return { key: bytes(key) };
  return { range: { gte: bytes(gte), lt: bytes(lt) }, limit };
}

function refusal(endpoint: string, status: number, body: unknown): RetryableError {
  const message = typeof body === 'object' && body !== null && 'message' in body ? String(body.message) : '';
  return moving(`${endpoint} answered ${status} ${errorCode(body) ?? ''}: ${message}`);
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64url');
}

function bytes(text: string): Buffer {
  return Buffer.from(text, 'base64url');
}

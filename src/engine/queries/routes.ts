import { type HttpReply, type HttpServer, MillraceError, sendProblem } from '#platform';
import type { Input } from '#platform/api';
import { jsonValue } from './json-values.ts';
import type { queryStore } from './operations.ts';
import { rowsToWire, wantedFrom } from './peers.ts';
import { invalidQuery, type QueryOptions, type StoreQuery } from './query.ts';
import type { StoreEntry, StoreQueries, StoreSummary } from './store-queries.ts';

type Query = Input<typeof queryStore>['query'];

/** What answers: StoreQueries, here or behind a thread's messages. */
export type StoreAnswers = Pick<StoreQueries, 'query'> & {
  stores(): readonly StoreSummary[] | Promise<readonly StoreSummary[]>;
};

/**
 * Serves queries over HTTP:
 *
 *   GET /stores                                         the stores
 *   GET /stores/<processor>/<store>?key=K               one entry; of a store with windows, all of the key
 *   GET /stores/<processor>/<store>?prefix=P            entries by prefix
 *   GET /stores/<processor>/<store>?from=K&to=K         entries of a range; without both, all
 *   GET /stores/<processor>/<store>?key=K&fromMs=&toMs= windows of a key, by start
 *
 * and with each `limit`, `after` (`next` of the answer before), `staleness=standby`, `position` (JSON, at least).
 */
export async function serveQueries(
  { serve }: Pick<HttpServer, 'serve'>,
  queries: StoreAnswers,
): Promise<void> {
  // Loaded when needed: threads, which come through this room's door, need no forms of requests.
  const { listStores, queryStore } = await import('./operations.ts');
  serve(listStores, async () => ({ stores: await queries.stores() }));
  serve(queryStore, ({ params, query, reply }) => {
    const store = params['*'];
    return answered(reply, async () => {
      const { entries, ...answer } = await queries.query(store, queryFrom(query), optionsFrom(query));
      return { store, ...answer, entries: jsonValue(entries) as StoreEntry[] };
    });
  });
}

/** An answer, or a refusal that is the asker's business alone: no failure of this server that its log should tell of. */
async function answered<T>(reply: HttpReply, answer: () => Promise<T>): Promise<T | HttpReply> {
  try {
    return await answer();
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    const isUnknown = error.code === 'MR_QUERY_STORE_UNKNOWN';
    if (!isUnknown && error.remedy !== 'retry') throw error;
    if (!isUnknown) reply.header('retry-after', '1');
    return sendProblem(reply, isUnknown ? 404 : 503, error);
  }
}

/** Serves what the queries of other processes ask of the tasks in this one. */
export async function servePeers(
  { serve }: Pick<HttpServer, 'serve'>,
  queries: Pick<StoreQueries, 'readHere'>,
): Promise<void> {
  const { readRows } = await import('./operations.ts');
  serve(readRows, ({ params: task, query: { role, store, ...wanted }, reply }) =>
    answered(reply, async () => {
      return rowsToWire(await queries.readHere({ task, role, store, wanted: wantedFrom(wanted) }));
    }),
  );
}

function queryFrom({ key, prefix, from, to, fromMs, toMs }: Query): StoreQuery {
  const isRange = from !== undefined || to !== undefined;
  const isWindow = fromMs !== undefined || toMs !== undefined;
  if (Number(key !== undefined) + Number(prefix !== undefined) + Number(isRange) > 1) {
    throw invalidQuery('key, prefix, and from with to exclude each other');
  }
  if (isWindow) {
    if (key === undefined || fromMs === undefined || toMs === undefined) {
      throw invalidQuery('fromMs and toMs require each other and a key');
    }
    return { kind: 'window', key, fromMs, toMs };
  }
  if (key !== undefined) return { kind: 'key', key };
  if (prefix !== undefined) return { kind: 'prefix', prefix };
  return { kind: 'range', ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}

function optionsFrom({ limit, after, staleness, position }: Query): QueryOptions {
  return {
    ...(limit !== undefined && { limit }),
    ...(after !== undefined && { after }),
    ...(staleness !== undefined && { staleness }),
    ...(position !== undefined && { atLeast: position }),
  };
}

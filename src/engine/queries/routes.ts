import { type HttpReply, type HttpServer, MillraceError } from '#platform';
import { jsonValue } from './json-values.ts';
import { PEER_PATH, rowsToWire, wantedFrom } from './peers.ts';
import type { Position } from './position.ts';
import { invalidQuery, type QueryOptions, type StoreQuery } from './query.ts';
import type { StoreQueries, StoreSummary } from './store-queries.ts';

const ofEntries = [
  'key',
  'prefix',
  'from',
  'to',
  'fromMs',
  'toMs',
  'limit',
  'after',
  'staleness',
  'position',
];

type Parameters = Readonly<Record<string, string | undefined>>;

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
export function serveQueries({ routes }: Pick<HttpServer, 'routes'>, queries: StoreAnswers): void {
  routes.get('/stores', async () => ({ stores: await queries.stores() }));
  routes.get<{ Params: { '*': string }; Querystring: Parameters }>(
    '/stores/*',
    { config: { query: ofEntries } },
    async ({ params, query }, reply) => {
      const store = params['*'];
      return answered(reply, async () => {
        const answer = await queries.query(store, queryFrom(query), optionsFrom(query));
        return { store, ...answer, entries: jsonValue(answer.entries) };
      });
    },
  );
}

/** An answer, or a refusal that is the asker's business alone: no failure of this server that its log should tell of. */
async function answered(reply: HttpReply, answer: () => Promise<unknown>): Promise<unknown> {
  try {
    return await answer();
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    const { code, message, hint, remedy } = error;
    const isUnknown = code === 'MR_QUERY_STORE_UNKNOWN';
    if (!isUnknown && remedy !== 'retry') throw error;
    if (!isUnknown) reply.header('retry-after', '1');
    return reply.code(isUnknown ? 404 : 503).send({ code, message, hint });
  }
}

/** Serves what the queries of other processes ask of the tasks in this one. */
export function servePeers(
  { routes }: Pick<HttpServer, 'routes'>,
  queries: Pick<StoreQueries, 'readHere'>,
): void {
  routes.get<{ Params: { subTopology: string; partition: string }; Querystring: Parameters }>(
    PEER_PATH,
    ({ params: { subTopology, partition }, query }, reply) =>
      answered(reply, async () => {
        const rows = await queries.readHere({
          task: { subTopology, partition: Number(partition) },
          role: query.role === 'standby' ? 'standby' : 'active',
          store: query.store ?? '',
          wanted: wantedFrom(query),
        });
        return rowsToWire(rows);
      }),
  );
}

function queryFrom(parameters: Parameters): StoreQuery {
  const { key, prefix, from, to, fromMs, toMs } = parameters;
  const isRange = from !== undefined || to !== undefined;
  const isWindow = fromMs !== undefined || toMs !== undefined;
  if (Number(key !== undefined) + Number(prefix !== undefined) + Number(isRange) > 1) {
    throw invalidQuery('key, prefix, and from with to exclude each other');
  }
  if (isWindow) {
    if (key === undefined) throw invalidQuery('fromMs and toMs require a key');
    return { kind: 'window', key, fromMs: time('fromMs', fromMs), toMs: time('toMs', toMs) };
  }
  if (key !== undefined) return { kind: 'key', key };
  if (prefix !== undefined) return { kind: 'prefix', prefix };
  return { kind: 'range', ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}

function optionsFrom({ limit, after, staleness, position }: Parameters): QueryOptions {
  if (staleness !== undefined && staleness !== 'none' && staleness !== 'standby') {
    throw invalidQuery('staleness is none or standby');
  }
  return {
    ...(limit !== undefined && { limit: Number(limit) }),
    ...(after !== undefined && { after }),
    ...(staleness !== undefined && { staleness }),
    ...(position !== undefined && { atLeast: positionFrom(position) }),
  };
}

function time(name: string, text: string | undefined): number {
  if (text === undefined || !/^-?\d{1,16}$/.test(text)) throw invalidQuery(`${name} is not a time in ms`);
  return Number(text);
}

/** `{"topic": {"0": 17}}` */
function positionFrom(text: string): Position {
  try {
    const position: unknown = JSON.parse(text);
    const isMap = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
    if (isMap(position) && Object.values(position as object).every(isMap)) return position as Position;
  } catch {}
  throw invalidQuery('position is not JSON with offsets by topic and partition');
}

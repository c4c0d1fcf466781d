/** Requests that a seed makes: bytes for every route, most of them wrong in one way or another. */

export type Draw = {
  /** From 0 up to, not including, `below`. */
  below(below: number): number;
  from<T>(list: readonly T[]): T;
  /** Whether something of this probability happens. */
  chance(probability: number): boolean;
};

/** Mulberry32. */
export function drawing(seed: number): Draw {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (most: number) => Math.floor(next() * most);
  return { below, from: (list) => list[below(list.length)] as never, chance: (p) => next() < p };
}

/** Every route, as the server declares it. */
export const routes = [
  'GET /',
  'GET /docs',
  'GET /openapi.json',
  'GET /health/live',
  'GET /health/ready',
  'GET /metrics',
  'GET /recommend/:user_id',
  'POST /recommend',
  'POST /rank',
  'GET /similar/:item_id',
  'GET /explain/:request_id/:item_id',
  'GET /features/user/:user_id',
  'GET /features/item/:item_id',
  'POST /features',
  'POST /events',
  'PUT /users/:user_id/privacy',
  'POST /pseudonyms',
  'POST /admin/versions/:version/promote',
  'POST /admin/rollback',
  'POST /admin/train',
  'POST /admin/reindex',
  'POST /admin/jobs/:job/:action',
  'GET /jobs',
  'GET /jobs/:job',
  'GET /versions',
  'GET /quality',
  'GET /topics',
  'GET /topology',
  'GET /stores',
  'GET /stores/*',
  'GET /tasks',
  'GET /tasks/:subTopology/:partition/rows',
] as const;

const parameters = ['k', 'device', 'country', 'language', 'views', 'key', 'prefix', 'from', 'to', 'fromMs'];
const moreParameters = ['toMs', 'limit', 'after', 'staleness', 'position', 'store', 'role', 'gte', 'lt', 'x'];
const stores = ['user-views/user-features', 'item-views/item-features', 'admission/seen', 'none', ''];
const jobs = ['compaction', 'refresh', 'verification'];
const texts = [
  'u1',
  'i1',
  '',
  'ann',
  '-1',
  '0',
  '1e9',
  'null',
  '..',
  'a/b',
  'ü',
  '😀',
  '\u0000',
  '{}',
  '__proto__',
];
const encoded = [
  '%FF',
  '%00',
  '%ED%A0%80',
  '%',
  '%2e%2e',
  '%2F',
  'a'.repeat(130),
  'ü'.repeat(128),
  'x'.repeat(1_600),
];
const numbers = [0, -1, 1, 1.5, 1e308, -0, 2 ** 53, 1_700_000_000_000, Date.UTC(9999, 0)];
const kinds = ['view', 'click', 'like', 'rating', 'search', 'stare', ''];
const methods = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'QUERY', 'PATCH', 'FOO', 'get', 'TRACE'];
const headers = [
  'content-type: text/plain',
  'content-type: application/json; charset=latin1',
  'expect: 100-continue',
  'transfer-encoding: chunked',
  'authorization: Bearer x',
  'x-request-id: a b',
  'traceparent: 00-x',
  'accept-version: 9',
  'content-encoding: gzip',
  'upgrade: websocket\r\nconnection: upgrade',
  `x-long: ${'y'.repeat(20_000)}`,
  'bad header',
];

/** The bytes of a connection: a request, or several, whole or cut off. */
export function requestBytes(draw: Draw): Buffer {
  if (draw.chance(0.02)) return Buffer.from(Array.from({ length: draw.below(300) }, () => draw.below(256)));
  const one = oneRequest(draw);
  const many = draw.chance(0.03) ? Buffer.concat(Array.from({ length: 1 + draw.below(60) }, () => one)) : one;
  return draw.chance(0.05) ? many.subarray(0, draw.below(many.length)) : many;
}

function oneRequest(draw: Draw): Buffer {
  const [declared = 'GET', pattern = '/'] = draw.from(routes).split(' ');
  const method = draw.chance(0.05) ? draw.from(methods) : declared;
  const path = pattern.replace(/:\w+|\*/g, (name) => segment(draw, name));
  const body = declared === 'GET' && draw.chance(0.95) ? undefined : bodyBytes(draw, pattern);
  const lines = [`${method} ${path}${query(draw)} HTTP/1.1`];
  lines.push(`host: ${draw.chance(0.02) ? draw.from(['evil.example', '', 'a b']) : '127.0.0.1'}`);
  // The answers to all of a connection are there when it is closed.
  lines.push('connection: close');
  if (body !== undefined) {
    const length = draw.chance(0.03) ? draw.from([0, -1, body.length + 7, 'x', 2 ** 40]) : body.length;
    lines.push('content-type: application/json', `content-length: ${length}`);
  }
  if (draw.chance(0.1)) lines.push(draw.from(headers));
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body ?? Buffer.alloc(0)]);
}

function segment(draw: Draw, name: string): string {
  if (name === '*') return draw.from(stores);
  if (name === ':job' && draw.chance(0.5)) return draw.from(jobs);
  if (name === ':action' && draw.chance(0.5)) return draw.from(['run', 'cancel', 'pause', 'resume']);
  return text(draw);
}

function text(draw: Draw): string {
  return draw.chance(0.2) ? draw.from(encoded) : encodeURIComponent(draw.from(texts));
}

function query(draw: Draw): string {
  if (draw.chance(0.5)) return '';
  const pairs = Array.from({ length: 1 + draw.below(4) }, () => {
    const name = draw.from(draw.chance(0.5) ? parameters : moreParameters);
    const value = draw.chance(0.1)
      ? encodeURIComponent('{"interactions-accepted":{"0":999999999}}')
      : text(draw);
    return `${name}=${value}`;
  });
  return `?${pairs.join('&')}`;
}

function bodyBytes(draw: Draw, pattern: string): Buffer {
  if (draw.chance(0.02)) return Buffer.alloc(draw.from([0, 1, 5_000, 2_000_000]), 0xff);
  if (draw.chance(0.02)) return Buffer.from('['.repeat(50_000));
  if (draw.chance(0.02)) return Buffer.from('{"__proto__":{"kind":"view"},"constructor":1}');
  if (draw.chance(0.02)) return Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]);
  const json = JSON.stringify(bodyOf(draw, pattern)) ?? 'null';
  return Buffer.from(draw.chance(0.03) ? json.slice(0, draw.below(json.length + 1)) : json);
}

function bodyOf(draw: Draw, pattern: string): unknown {
  if (pattern === '/events') return events(draw);
  if (pattern !== '/recommend' || draw.chance(0.2)) return fields(draw);
  return { requests: Array.from({ length: draw.from([0, 1, 3, 100, 101]) }, () => asked(draw)) };
}

/** A request of a batch. */
function asked(draw: Draw): unknown {
  const odd = (usual: unknown) => (draw.chance(0.03) ? value(draw) : usual);
  return {
    ...(draw.chance(0.6) ? { user_id: odd(`u${draw.below(300)}`) } : { recent_items: odd(['i1', 'i2']) }),
    ...(draw.chance(0.5) && { k: odd(1 + draw.below(100)) }),
    ...(draw.chance(0.2) && { context: odd({ device: 'tv' }) }),
  };
}

function events(draw: Draw): unknown {
  if (draw.chance(0.7)) return event(draw);
  return Array.from({ length: draw.from([0, 1, 2, 40, 1_000, 1_001]) }, () => event(draw));
}

function event(draw: Draw): unknown {
  if (draw.chance(0.02)) return value(draw);
  const odd = (usual: unknown) => (draw.chance(0.05) ? value(draw) : usual);
  return {
    ...(draw.chance(0.5) && { event_id: odd(`f${draw.below(1e9)}`) }),
    user_id: odd(`u${draw.below(300)}`),
    item_id: odd(`i${draw.below(60)}`),
    kind: odd(draw.from(kinds)),
    ...(draw.chance(0.2) && { value: odd(draw.from(numbers)) }),
    ...(draw.chance(0.2) && { watch_ms: odd(draw.from(numbers)) }),
    ...(draw.chance(0.2) && { ts: odd(draw.from(numbers)) }),
    ...(draw.chance(0.1) && { context: odd({ device: 'tv', country: draw.from(texts) }) }),
    ...(draw.chance(0.02) && { [draw.from(texts)]: value(draw) }),
  };
}

function fields(draw: Draw): unknown {
  const names = [
    'user',
    'user_id',
    'user_ids',
    'requests',
    'recent_items',
    'k',
    'items',
    'views',
    'context',
    'status',
    'actor',
    'reason',
    'version',
  ];
  return Object.fromEntries(names.flatMap((name) => (draw.chance(0.4) ? [[name, value(draw)]] : [])));
}

function value(draw: Draw): unknown {
  return draw.from<unknown>([
    ...[
      null,
      true,
      draw.from(numbers),
      draw.from(texts),
      'opted-out',
      ['i1', 'i2'],
      [],
      {},
      ['user-features'],
    ],
    ...['\ud800', 'x'.repeat(200), Array.from({ length: 1_001 }, () => 'i1'), [[[[1]]]], { device: 'tv' }],
  ]);
}

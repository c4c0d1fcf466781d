import assert from 'node:assert/strict';
import { it } from 'node:test';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const USER = 'unmistakable-user';

type Line = {
  readonly level: number;
  readonly msg: string;
  readonly requestId?: string;
  readonly traceparent?: string;
};

it('log lines are JSON, name the request and its trace, and no user', { timeout: 600_000 }, async (t) => {
  // The disk never has so much room: no event is accepted, which is logged.
  const { begin } = commandLine(t, {
    ...smallWorld,
    simulation: { ...smallWorld.simulation, liveEventsPerSecond: 50 },
    disk: { reserveMb: 1_000_000_000_000 },
    privacy: { userIds: 'pseudonyms' },
    logging: { level: 'debug' },
  });
  const started = begin(['start', '--json']);
  const { url } = JSON.parse((await started.until(/^\{"url".*\}$/m))[0]) as { url: string };
  const headers = { 'content-type': 'application/json', traceparent: TRACEPARENT, 'x-request-id': 'mine' };
  const send = (path: string, method = 'GET', body?: object) =>
    fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const event = { event_id: 'e', user_id: USER, item_id: 'i1', kind: 'like', ts: Date.now() };
  const posted = await send('/events', 'POST', event);
  assert.deepEqual([posted.status, posted.headers.get('x-request-id')], [503, 'mine']);
  await send(`/recommend/${USER}?k=3`);
  await send(`/recommend/${USER}?k=none`);
  await send(`/features/user/${USER}`);
  await send('/rank', 'POST', { user_id: USER, items: ['i1'] });
  await send(`/users/${USER}/privacy`, 'PUT', { status: 'opted_out' });
  await started.until(/live agents could not publish/);
  const { code, err } = await started.signal('SIGINT');
  assert.equal(code, 0);
  const logged = err.split('\n').filter((line) => line.startsWith('{'));
  const lines = jsonLines<Line>(logged.join('\n'));
  const own = lines.find(({ requestId }) => requestId === 'mine');
  assert.deepEqual([own?.msg, own?.traceparent], ['a request failed', TRACEPARENT]);
  // Ids of the world are u1, u2, ...
  for (const line of err.split('\n')) assert.doesNotMatch(line, /unmistakable|(?<![\w-])u\d+(?![\w-])/);
});

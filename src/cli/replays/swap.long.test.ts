import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { StoreDifference } from '#engine';
import { eventually } from '#platform/testing';
import { type CommandLine, jsonLines } from '../testing/command-line.ts';
import { readTopic, writeEvents } from '../testing/event-log.ts';
import { FIXED, MISTAKEN, trends } from './testing/trends.ts';
import { watched } from './testing/watched.ts';

const replay = ['replay', 'user-trends-1', '--into', 'fix', '--cpu', '1', '--json', ...FIXED];
const swap = (...args: readonly string[]) => ['swap', 'user-trends-1', ...args, '--json', ...FIXED];

type InForce = { readonly shadow: string | null; readonly isChanged?: boolean };

async function begin(world: CommandLine, args: readonly string[]) {
  const live = world.begin(['start', '--json', ...args]);
  const [, url = ''] = await live.until(/"url":"(http[^"]*)"/);
  return { live, url };
}

/** What the server says of a user's trends. */
async function weightOf(url: string, user: string): Promise<number | undefined> {
  const answer = await fetch(`${url}/features/user/${user}?views=user-trends`);
  type Shown = {
    readonly views: { readonly [view: string]: { readonly features: { readonly weight: number } } | null };
  };
  const shown = (await answer.json()) as { readonly user?: Shown };
  return shown.user?.views['user-trends']?.features.weight;
}

/** Asks for answers all the time; gives how many there were, and those that were none. */
function asking(url: string) {
  let stops = false;
  const failed: number[] = [];
  let answers = 0;
  const asked = (async () => {
    while (!stops) {
      const { status } = await fetch(`${url}/recommend/u${answers % 50}?k=3`);
      answers++;
      if (status !== 200) failed.push(status);
    }
  })();
  return async () => {
    stops = true;
    await asked;
    return { answers, failed };
  };
}

async function done(world: CommandLine, args: readonly string[]): Promise<InForce> {
  const { code, out, err } = await world.run(args);
  assert.equal(code, 0, err);
  return jsonLines<InForce>(out)[0] as InForce;
}

async function acts(world: CommandLine): Promise<readonly string[]> {
  type Event = { readonly act: string; readonly subject: string; readonly result: string };
  const { out, err } = await world.print(['events', 'tail', 'audit', '-n', '100']);
  assert.equal(err, '');
  return jsonLines<{ readonly value: Event }>(out).map(
    ({ value: { act, subject, result } }) => `${act} ${subject} ${result}`,
  );
}

/** What the server says of each of these users, as one hash. */
async function digestOf(url: string, users: ReadonlySet<string>): Promise<string> {
  const hash = createHash('sha256');
  for (const user of [...users].sort()) hash.update(`${user} ${await weightOf(url, user)}\n`);
  return hash.digest('hex');
}

async function differing(world: CommandLine): Promise<ReadonlySet<string>> {
  const { out, err } = await world.print([
    'diff',
    'user-trends-1',
    'fix',
    '--examples',
    '1000',
    '--json',
    ...FIXED,
  ]);
  const found = jsonLines<StoreDifference>(out);
  assert.ok(found.length > 0, err);
  return new Set(found.flatMap(({ examples }) => examples.map(({ key }) => key)));
}

/** Whose rows the mistake has harmed: of who has clicked at all. */
async function clickers(world: CommandLine): Promise<ReadonlySet<string>> {
  const { out } = await world.print(['events', 'tail', 'interactions-accepted', '-n', '100000', '--json']);
  const events = jsonLines<{ readonly key: string; readonly value: { readonly kind: string } }>(out);
  return new Set(events.flatMap(({ key, value }) => (value.kind === 'click' ? [key] : [])));
}

async function click(url: string, user: string): Promise<void> {
  const event = { event_id: `own-${user}-${randomUUID()}`, user_id: user, item_id: 'i1', kind: 'click' };
  const headers = { 'content-type': 'application/json' };
  const { status } = await fetch(`${url}/events`, { method: 'POST', headers, body: JSON.stringify(event) });
  assert.equal(status, 202);
}

describe('swap', { concurrency: 2, timeout: 600_000 }, () => {
  it('a mistake is repaired: replay, diff, swap, back, swap; no answer fails, and the start goes on with it', async (t) => {
    const world = trends(t);
    const { live, url } = await begin(world, MISTAKEN);
    await click(url, 'ann');
    await eventually('ann is harmed', async () => (await weightOf(url, 'ann')) === 2);
    const replaying = world.begin(replay);
    await replaying.until(/"state":"ready"/);
    const harmed = await clickers(world);
    assert.ok(harmed.has('ann') && harmed.size > 10, String(harmed.size));
    // What is in flight is not compared.
    let found: ReadonlySet<string> = new Set();
    await eventually('all harmed rows are found', async () => {
      found = await differing(world);
      return found.size >= harmed.size;
    });
    assert.deepEqual([...found].sort(), [...harmed].sort(), 'exactly those');

    const stop = asking(url);
    const swapped = await done(world, swap('fix'));
    assert.deepEqual([swapped.shadow, swapped.isChanged], ['fix', true]);
    await eventually('ann is well', async () => (await weightOf(url, 'ann')) === 1);
    assert.equal((await done(world, swap('fix'))).isChanged, false);
    assert.equal((await done(world, swap('--back'))).shadow, null);
    await eventually('ann is harmed again', async () => (await weightOf(url, 'ann')) === 2);
    assert.equal((await done(world, swap('--back'))).shadow, 'fix');
    await eventually('ann is well again', async () => (await weightOf(url, 'ann')) === 1);
    const { answers, failed } = await stop();
    assert.ok(answers > 20);
    assert.deepEqual(failed, []);
    // A swap that changes nothing is no act.
    assert.deepEqual(await acts(world), [
      'replay fix done',
      'swap user-trends-1 done',
      'swap user-trends-1 done',
      'swap user-trends-1 done',
    ]);
    const refused = await world.run(['replay', 'cancel', 'fix']);
    assert.match(refused.err, /MR_DATA_LOCKED|MR_SWAP_IN_FORCE/);
    await replaying.signal('SIGINT');
    assert.match((await world.run(['replay', 'cancel', 'fix'])).err, /MR_SWAP_IN_FORCE/);
    // A process of other code does not go on with the rows, and says so.
    await eventually('it stands still', async () =>
      (await (await fetch(`${url}/metrics`)).text()).includes('copy_stands_still{shadow="fix"} 1'),
    );
    assert.equal((await live.signal('SIGINT')).code, 0);

    const fixed = await begin(world, FIXED);
    assert.equal(await weightOf(fixed.url, 'ann'), 1);
    await click(fixed.url, 'ann');
    await eventually('the replay goes on in the start', async () => (await weightOf(fixed.url, 'ann')) === 2);
    const lists = await readTopic(join(world.directory, '.millrace'), 'interactions-accepted');
    const users = new Set(lists.flat().map(({ user_id }) => user_id));
    assert.ok(users.size >= harmed.size);
    const repaired = await digestOf(fixed.url, users);
    assert.equal((await fixed.live.signal('SIGINT')).code, 0);

    // What is in force by now is what there would be if the mistake had never been made.
    const clean = trends(t);
    await writeEvents(clean.directory, 'interactions-accepted', lists.flat());
    const unharmed = await begin(clean, [...FIXED, '--set', 'simulation=off']);
    await eventually('the same rows', async () => (await digestOf(unharmed.url, users)) === repaired);
    assert.equal((await unharmed.live.signal('SIGINT')).code, 0);
  });

  it('is done or not done, whenever it is killed, and says which', async (t) => {
    const world = trends(t);
    const { live } = await begin(world, MISTAKEN);
    await live.signal('SIGINT');
    assert.equal((await world.run([...replay, '--once'])).code, 0);
    assert.match((await world.run(swap('--back'))).err, /MR_SWAP_NOTHING/);
    for (const [step, shadow] of [
      ['swap.checked', null],
      ['swap.written', 'fix'],
    ] as const) {
      const killed = await world.run(swap('fix'), { MILLRACE_FAILPOINTS: `${step}=kill` });
      assert.equal(killed.signal, 'SIGKILL');
      assert.equal((await done(world, swap())).shadow, shadow, step);
    }
    assert.equal((await done(world, swap('fix'))).isChanged, false);
  });

  it('refuses what would be no repair, and says what to do', async (t) => {
    const world = trends(t);
    const { live } = await begin(world, MISTAKEN);
    await live.signal('SIGINT');
    const refused = async (args: readonly string[], problem: RegExp, code = 2) => {
      const ended = await world.run(args);
      assert.match(ended.err, problem);
      assert.deepEqual([ended.code, ended.out], [code, '']);
      assert.match(ended.err, /hint/);
    };
    const once = (into: string, ...args: readonly string[]) =>
      world.run(['replay', 'user-trends-1', '--into', into, '--once', ...args]);
    assert.equal((await once('fix', ...FIXED)).code, 0);
    assert.equal((await once('part', '--from', '2000-01-01', '--partial', ...FIXED)).code, 0);
    await refused(
      ['swap', 'user-trends-1', 'fix', ...MISTAKEN],
      /MR_SWAP_OTHER_CODE: fix was made by other code/,
    );
    await refused(['swap', 'user-trends-1', 'part', ...FIXED], /MR_SWAP_PARTIAL: part was made of a part/);
    await refused(['swap', 'user-trends-1', 'none', ...FIXED], /MR_REPLAY_UNKNOWN/);
    await refused(['swap', 'loop', 'fix', ...FIXED], /MR_SWAP_OTHER: fix is a replay of view-user-trends/);
    await refused(['swap', 'loop', 'fix', '--back', ...FIXED], /MR_USAGE/);
    await refused(['swap', 'nothing', 'fix'], /MR_USAGE: There is no topology nothing/);
    await refused(
      ['swap', 'user-trends-1', 'fix', '--set', 'views=redis://127.0.0.1:1', ...FIXED],
      /MR_SWAP_REDIS/,
    );
    const resumed = await once('fix', ...MISTAKEN);
    assert.match(resumed.err, /MR_REPLAY_DIFFERENT: The replay fix was begun with code/);

    const { live: again, url } = await begin(world, MISTAKEN);
    await click(url, 'ann');
    await eventually('ann is counted', async () => (await weightOf(url, 'ann')) === 2);
    await refused(
      ['swap', 'user-trends-1', 'fix', ...FIXED],
      /MR_SWAP_BEHIND: fix is behind: \d+ of the records/,
    );
    await again.signal('SIGINT');
    assert.equal((await done(world, swap())).shadow, null, 'nothing was done');
  });

  it('refuses a topology of which no answers are made', async (t) => {
    const world = watched(t);
    await world.watch(['ann', 1, 1]);
    const { code, err } = await world.run(['swap', 'topology.ts', 'fix']);
    assert.equal(code, 2);
    assert.match(err, /MR_SWAP_NO_READERS: No answers are made of watching/);
  });
});

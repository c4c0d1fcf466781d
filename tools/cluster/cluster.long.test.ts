import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { kafkaServer, redisServer, registryServer } from '#servers';
import { publishItems } from './catalogue.ts';
import { Cluster } from './cluster.ts';
import type { Replica } from './replica.ts';

const LAYOUT = {
  gateway: { roles: ['gateway'], replicas: 2 },
  responder: { roles: ['responder'], replicas: 2 },
  processors: { roles: ['processors'], replicas: 2 },
  trainer: { roles: ['trainer', 'archive', 'operations'], replicas: 1 },
};

const ITEMS = 40;

type Answer = { readonly version: string | null; readonly items: readonly { readonly item_id: string }[] };

it('a post to any gateway changes the answers of any responder, with a disk of its own for each process', {
  timeout: 600_000,
}, async (t) => {
  const kafka = await kafkaServer(t);
  const registry = await registryServer(t);
  const redis = await redisServer(t);
  if (kafka === undefined || registry === undefined || redis === undefined) return;
  const name = `cluster-${process.pid}`;
  const cluster = await Cluster.start(LAYOUT, {
    log: `${kafka.url}?prefix=${name}-`,
    registry: `${registry.url}?prefix=${name}-`,
    views: `${redis.url}?namespace=${name}`,
  });
  t.after(() => cluster.remove());
  await publishItems(cluster, ITEMS);
  await cluster.untilReady();
  const gateways = cluster.of('gateway');
  const responders = cluster.of('responder');
  const [first, second] = cluster.of('processors');
  assert.ok(first && second);

  await learn(gateways[0] as Replica);
  await clicksAreSeen(gateways, responders, 'before');
  const version = await versionOf(responders);
  assert.match(version, /^[0-9a-f]{16}$/, 'which another process has trained');

  await first.kill();
  await clicksAreSeen(gateways, responders, 'while one process has all tasks');
  first.start();
  await first.untilReady();
  await second.kill();
  await clicksAreSeen(gateways, responders, 'when the one with an empty disk has them');
  assert.equal(await versionOf(responders), version);

  second.start();
  await second.untilReady();
  const path = '/stores/user-views/user-features?limit=3&staleness=standby';
  for (let roles = ['active']; roles.some((role) => role !== 'standby'); await setTimeout(100)) {
    const response = await fetch(`${first.url}${path}`);
    const { copies = [] } = (await response.json()) as {
      readonly copies?: readonly { readonly role: string }[];
    };
    roles = copies.length === 0 ? ['none'] : copies.map(({ role }) => role);
  }
  for (const replica of cluster.replicas) {
    const printed = await replica.stop();
    assert.equal(replica.exitCode, 0, printed);
  }
});

/** Clicks of half an hour, from which a version can be trained and evaluated. */
async function learn(gateway: Replica): Promise<void> {
  const now = Date.now();
  const events = Array.from({ length: 400 }, (_, i) => ({
    user_id: `learner ${i % 40}`,
    item_id: `i${(i * 7 + Math.floor(i / 40) * 3) % ITEMS}`,
    kind: 'click',
    ts: now - (400 - i) * 5_000,
  }));
  await post(gateway, events);
}

async function post({ url }: Replica, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/events`, { method: 'POST', headers, body: JSON.stringify(body) });
  assert.equal(response.status, 202, await response.text());
}

/** Each gateway takes clicks of users of its own, and no responder shows the clicked items any more. */
async function clicksAreSeen(
  gateways: readonly Replica[],
  responders: readonly Replica[],
  when: string,
): Promise<void> {
  for (const [g, gateway] of gateways.entries()) {
    const user = `user ${when} ${g}`;
    const shown = await answer(responders[0] as Replica, user);
    const clicked = shown.items[0]?.item_id ?? '';
    await post(gateway, { user_id: user, item_id: clicked, kind: 'click', ts: Date.now() });
    for (const responder of responders) {
      for (let isShown = true; isShown; await setTimeout(50)) {
        const { items } = await answer(responder, user);
        isShown = items.length === 0 || items.some(({ item_id }) => item_id === clicked);
      }
    }
  }
}

async function answer({ url }: Replica, user: string): Promise<Answer> {
  const response = await fetch(`${url}/recommend/${encodeURIComponent(user)}?k=3`);
  return (await response.json()) as Answer;
}

/** The version of all responders, once it is the same. */
async function versionOf(responders: readonly Replica[]): Promise<string> {
  for (;;) {
    const answers = await Promise.all(responders.map((responder) => answer(responder, 'anybody')));
    const [version, ...others] = new Set(answers.map((each) => each.version));
    if (version != null && others.length === 0) return version;
    await setTimeout(100);
  }
}

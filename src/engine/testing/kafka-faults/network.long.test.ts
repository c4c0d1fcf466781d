/** Processes that reach their brokers by a slow network that loses packets and breaks connections. */
import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { systemClock } from '#platform';
import { type KafkaServer, ownKafka, serversSkip, sharedRegistry } from '#servers';
import { openOnKafka } from './kafka-world.ts';
import { NetworkNamespace } from './network-namespace.ts';
import { FAIR, Relay } from './relay.ts';

const limit = { timeout: 600_000 };
const CUTS = 40;
const LOST_PACKETS = 20;
/** From less than the processes write on a quick machine to what they can still work with. */
const BITS_PER_SECOND = { most: 1_000_000, least: 60_000 };

/** A broker whose clients come by a relay, or undefined when the test is skipped. */
async function behindRelay(
  t: TestContext,
  host: string,
): Promise<{ kafka: KafkaServer; relay: Relay } | undefined> {
  const relay = await Relay.open(t, host);
  const kafka = await ownKafka(t, { outside: relay.address });
  if (kafka === undefined) return undefined;
  relay.target = kafka.outside;
  return { kafka, relay };
}

const textOf = ({ host, port }: Relay['address']) => `${host}:${port}`;

it('a network that delays, throttles, falls silent and cuts answers short', limit, async (t) => {
  const { kafka, relay } = (await behindRelay(t, '127.0.0.1')) ?? {};
  if (kafka === undefined || relay === undefined) return;
  const world = await openOnKafka(t, kafka, { seenAt: { brokers: textOf(relay.address) } });
  const processes = [await world.running('one'), await world.running('two')];
  await world.goesOn(processes);
  relay.weather = { ...FAIR, delayMs: 20 };
  await world.goesOn(processes);
  relay.weather = { ...FAIR, bytesPerSecond: 200_000 };
  await world.goesOn(processes);
  for (const longerThanSession of [false, true]) {
    relay.weather = { ...FAIR, cut: 0.01 };
    for (const enough = relay.cuts + CUTS; relay.cuts < enough; ) await world.goesOn(processes, 1);
    relay.weather = FAIR;
    await relay.silence(longerThanSession ? 3_000 : 500);
    await world.goesOn(processes);
  }
  await world.assertExact(processes, ['one', 'two']);
});

it('a cable that is pulled, and one that loses what is too much for it', limit, async (t) => {
  if (serversSkip !== false) return t.skip(serversSkip);
  let namespace: NetworkNamespace;
  try {
    namespace = await NetworkNamespace.open(t);
  } catch (error) {
    return t.skip(`needs the right to make network namespaces: ${String(error)}`);
  }
  const { kafka, relay } = (await behindRelay(t, namespace.host)) ?? {};
  if (kafka === undefined || relay === undefined) return;
  const registry = new URL((await sharedRegistry())?.url ?? '');
  const toRegistry = await Relay.open(t, namespace.host);
  toRegistry.target = { host: registry.hostname, port: Number(registry.port) };
  registry.host = textOf(toRegistry.address);
  const world = await openOnKafka(t, kafka, {
    seenAt: { brokers: textOf(relay.address), registry: String(registry) },
    defaults: { through: namespace.through },
  });
  const processes = [await world.running('one'), await world.running('two')];
  for (const outageMs of [300, 1_000, 3_000]) {
    await world.goesOn(processes);
    await namespace.plug(false);
    await systemClock.sleep(outageMs);
    await namespace.plug(true);
  }
  await world.goesOn(processes);
  if (await namespace.narrow(BITS_PER_SECOND.most)) {
    await world.goesOn(processes);
    for (let rate = BITS_PER_SECOND.most; (await namespace.lost()) <= LOST_PACKETS; ) {
      rate = Math.max(BITS_PER_SECOND.least, rate / 2);
      await namespace.narrow(rate);
      await world.goesOn(processes);
    }
    await namespace.widen();
  } else t.diagnostic('the cable was only pulled: there is no token bucket filter (tc) here');
  assert.equal(relay.cuts, 0);
  await world.assertExact(processes, ['one', 'two']);
});

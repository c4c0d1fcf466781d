import { invariant, systemClock } from '#platform';
import { serversSkip, sharedKafka } from '#servers';
import { logContract } from '../contract.ts';
import { openKafkaLog } from './kafka-log.ts';
import { parseKafkaUrl } from './wire/kafka-options.ts';

let tests = 0;

/** On the broker that all tests share, under a prefix of its own. */
async function openPrefixed() {
  const kafka = await sharedKafka();
  invariant(kafka !== undefined, 'the contract is skipped without servers');
  const options = parseKafkaUrl(`${kafka.url}?prefix=contract-${process.pid}-${tests++}.`);
  const open = () => openKafkaLog(options, { clock: systemClock, random: Math.random });
  const log = await open();
  const dispose = async () => {
    await log.close();
    const cleaner = await open();
    await cleaner.deleteTopics((await cleaner.describeTopics()).map(({ name }) => name));
    await cleaner.close();
  };
  return { log, another: open, clock: systemClock, sessionTimeoutMs: 3_000, dispose };
}

logContract('Kafka', openPrefixed, serversSkip);

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deadLetterTopic } from '#engine';
import { openEmbeddedLog, openKafkaLog, parseKafkaUrl } from '#log';
import { systemClock } from '#platform';
import { inputTopics } from '../engine/cases.ts';
import type { Subject } from '../engine/measure.ts';
import type { Guarantee } from './peer.ts';
import { peerSerdes } from './peer-serdes.ts';

type Parameters = {
  readonly brokers: string;
  /** Stands before the names of all that this run makes. */
  readonly instance: string;
  readonly state: string;
  readonly name: string;
  /** The topic of views. */
  readonly input: string;
  readonly commitMs: number;
  readonly guarantee?: Guarantee;
};

export const openLogOnKafka = (brokers: string) =>
  openKafkaLog(parseKafkaUrl(`kafka://${brokers}`), { clock: systemClock, random: Math.random });

/** A case of the engine's over values as the peer writes them. */
export async function subjectOnKafka(parameters: Parameters): Promise<Subject> {
  const { brokers, instance, state, name, input, commitMs, guarantee = 'exactly-once' } = parameters;
  const deadLetters = await someDeadLetters();
  return {
    name,
    instance,
    log: await openLogOnKafka(brokers),
    inputs: inputTopics(peerSerdes, input),
    serdes: peerSerdes,
    deadLetters: { ...deadLetters, name: `${instance}-${deadLetters.name}` },
    state,
    options: { guarantee, commitIntervalMs: commitMs },
  };
}

/** Dead letters are the only values here that need a registry, and any does. */
async function someDeadLetters(): Promise<Subject['deadLetters']> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  const embedded = await openEmbeddedLog({ directory, clock: systemClock });
  try {
    return await deadLetterTopic(embedded.registry);
  } finally {
    await embedded.close();
    await rm(directory, { recursive: true });
  }
}

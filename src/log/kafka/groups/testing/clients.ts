import type { TestContext } from 'node:test';
import { systemClock } from '#platform';
import { eventually } from '#platform/testing';
import { sharedKafka } from '#servers';
import type { GroupMember, JoinOptions, Membership } from '../../../port.ts';
import { createTopics, deleteTopics } from '../../topics/topics.ts';
import { Cluster } from '../../wire/cluster.ts';
import { parseKafkaUrl } from '../../wire/kafka-options.ts';
import { Groups } from '../groups.ts';

export type Client = { readonly cluster: Cluster; readonly groups: Groups };

let prefixes = 0;

/** Opens clients of one Kafka under a prefix of their own, and closes them with the test. */
export class Clients {
  readonly url: string;
  readonly prefix = `groups-${process.pid}-${prefixes++}.`;
  readonly #open: Cluster[] = [];

  constructor(t: TestContext, url: string) {
    this.url = url;
    t.after(async () => {
      for (const cluster of this.#open) await cluster.close();
    });
  }

  /** Clients of the shared Kafka; undefined if the test is skipped. */
  static async shared(t: TestContext): Promise<Clients | undefined> {
    const kafka = await sharedKafka();
    return kafka && new Clients(t, kafka.url);
  }

  async open(): Promise<Client> {
    const options = parseKafkaUrl(`${this.url}?prefix=${this.prefix}`);
    const cluster = new Cluster(options, { clock: systemClock, random: Math.random });
    this.#open.push(cluster);
    await cluster.refresh([]);
    return { cluster, groups: new Groups(cluster) };
  }

  async createTopic(name: string, partitions: number): Promise<void> {
    const { cluster } = await this.open();
    await createTopics(cluster, [{ name, partitions, cleanup: { policy: 'delete', retentionMs: null } }]);
  }

  async deleteTopic(name: string): Promise<void> {
    const { cluster } = await this.open();
    await deleteTopics(cluster, [name]);
  }
}

/** Each gets the ids of all, with its own first. */
export const everybody = (members: readonly GroupMember[]): ReadonlyMap<string, Buffer> => {
  const all = members.map(({ memberId }) => memberId).sort();
  return new Map(all.map((id) => [id, Buffer.from([id, ...all].join())]));
};

export const joining = (more: Partial<JoinOptions> = {}): JoinOptions => ({
  group: 'workers',
  metadata: Buffer.from('me'),
  sessionTimeoutMs: 30_000,
  assign: everybody,
  ...more,
});

/** Heartbeats until the answer is one of those. */
export async function heartbeatUntil(
  member: Membership,
  ...answers: readonly Awaited<ReturnType<Membership['heartbeat']>>[]
): Promise<Awaited<ReturnType<Membership['heartbeat']>>> {
  return eventually(async () => {
    const answer = await member.heartbeat();
    return answers.includes(answer) && answer;
  });
}

/** Follows rounds as an engine does, until `isOver` holds between two of them. */
export async function follow(
  first: Membership,
  isOver: (member: Membership) => boolean,
): Promise<Membership> {
  let member = first;
  while (!isOver(member)) {
    const answer = await member.heartbeat();
    if (answer === 'expelled') throw new Error(`${member.memberId} was expelled`);
    if (answer === 'rebalance') member = await member.rejoin(Buffer.from('me'));
    else await systemClock.sleep(10);
  }
  return member;
}

import { userInfo } from 'node:os';
import { type Topic, writeRecords } from '#engine';
import type { Log, ProducerRecord, TopicPartition } from '#log';
import { type Clock, errorCode } from '#platform';
import type { AuditEvent } from '#schemas';

/** What somebody does: `act` such as "dead-letters retry"; users in `subject` and `details` by their pseudonyms. */
export type Act = Pick<AuditEvent, 'act' | 'actor' | 'subject'> & Partial<Pick<AuditEvent, 'details'>>;

type AuditTopic = { readonly audit: Topic<string, AuditEvent> };
type Environment = { readonly log: Log; readonly topics: AuditTopic; readonly clock: Clock };

/** The event of an act that succeeds with the transaction that it is appended in. */
export function auditRecord(
  { audit }: AuditTopic,
  act: Act,
  ts: number,
): TopicPartition & { readonly records: readonly ProducerRecord[] } {
  const value = audit.value.encode({ details: {}, ...act, ts, result: 'done', code: null });
  return { topic: audit.name, partition: 0, records: [{ key: Buffer.from(act.act), value, timestamp: ts }] };
}

/** Does `work` and writes how it ended. Errors: those of `work`, also where its failure cannot be written; those of writing. */
export async function audited<T>(environment: Environment, act: Act, work: () => Promise<T>): Promise<T> {
  const write = (ending: Pick<AuditEvent, 'result' | 'code'>) => {
    const { log, topics, clock } = environment;
    const value: AuditEvent = { details: {}, ...act, ...ending, ts: clock.now() };
    return writeRecords(log, topics.audit, [{ key: act.act, value, timestamp: value.ts }]);
  };
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await write({ result: 'failed', code: errorCode(error) ?? 'MR_UNEXPECTED' }).catch(() => {});
    throw error;
  }
  await write({ result: 'done', code: null });
  return result;
}

/** The user whose process this is, as the actor of what it does. */
export function operatorOfThisMachine(): string {
  try {
    return userInfo().username;
  } catch {
    // An account without a name, as containers have them.
    return `uid ${process.getuid?.() ?? '?'}`;
  }
}

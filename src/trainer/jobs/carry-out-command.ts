import { readableRecords, type Topic, TopicReader, TopicWriter } from '#engine';
import type { JobContext } from '#jobs';
import { FatalError, invariant, relayed } from '#platform';
import { type Command, commandOf, type DeadLetter } from '#schemas';
import type { TrainerOptions } from '../trainer-options.ts';

const POLL_MS = 200;

type Source = Pick<TrainerOptions, 'log' | 'topics' | 'clock'>;

export type CommandWork<V, R> = {
  /** What is asked of the trainer, wherever it runs. */
  readonly command: Pick<Command, 'kind'> & Partial<Command>;
  /** Where what comes of the command is written. */
  readonly topic: Topic<string, V>;
  /** Given the values of the topic as they come; returns the result once it is there. */
  readonly take: (values: readonly V[], commandId: string) => R | undefined;
  /** Asks the trainer to give up what it has begun; called again and again until there is a result. */
  readonly giveUp?: () => Promise<void>;
};

/** The id of the command by which a run of a job asks the trainer. */
export const commandIdOf = ({ runId }: Pick<JobContext, 'runId'>) => `job-${runId}`;

/**
 * Sends a command under the run's id, once however often it is called for the run, and waits for what comes of it. Errors:
 * FatalError with the code that the trainer refused the command with; the signal's reason.
 */
export async function carryOutCommand<V, R>(
  source: Source,
  context: Pick<JobContext, 'runId' | 'signal' | 'stopping'>,
  { command, topic, take, giveUp }: CommandWork<V, R>,
): Promise<R> {
  const { log, topics } = source;
  const { signal, stopping } = context;
  const commandId = commandIdOf(context);
  const sentBefore = await offsetOf(source, commandId);
  const from = sentBefore === undefined ? 'end' : 'start';
  const letters = await TopicReader.open(log, topics['dead-letters'], { from });
  const changes = await TopicReader.open(log, topic, { from });
  try {
    const offset =
      sentBefore ??
      (await send(source, commandOf({ command_id: commandId, ts: source.clock.now(), ...command })));
    for (;;) {
      const polled = await changes.poll(POLL_MS);
      const values = polled.flatMap(({ value }) => (value === null ? [] : [value]));
      const result = take(values, commandId);
      if (result !== undefined) return result;
      for (const { value } of await letters.poll(0)) if (value !== null) refuse(value, offset);
      stopping.throwIfAborted();
      if (!signal.aborted) continue;
      if (giveUp === undefined) throw signal.reason;
      await giveUp();
    }
  } finally {
    await letters.close();
    await changes.close();
  }
}

async function send(source: Source, command: Command): Promise<number> {
  const { log, topics } = source;
  const { command_id: key, ts: timestamp } = command;
  const writer = await TopicWriter.open(log, topics.commands);
  try {
    const [sent] = await writer.write([{ key, value: command, timestamp }]);
    invariant(sent !== undefined, 'a record that is written has an offset');
    return sent.baseOffset;
  } finally {
    await writer.close();
  }
}

async function offsetOf({ log, topics }: Source, commandId: string): Promise<number | undefined> {
  for await (const records of readableRecords(log, topics.commands)) {
    const found = records.find(({ key }) => key === commandId);
    if (found !== undefined) return found.offset;
  }
  return undefined;
}

function refuse({ operator, topic, offset, reason, message }: DeadLetter, sent: number): void {
  if (operator !== 'trainer' || topic !== 'commands' || offset !== sent) return;
  throw new FatalError(relayed(reason), message);
}

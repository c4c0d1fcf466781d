import { randomUUID } from 'node:crypto';
import { writeRecords } from '#engine';
import { type Command, commandOf } from '#schemas';
import type { AskingOptions } from './ask-registry.ts';

/** A request to the trainer, and who made it. */
export type TrainerCommand = { readonly kind: 'train' | 'reindex' } & Partial<
  Pick<Command, 'run' | 'seed' | 'force' | 'actor' | 'reason'>
>;

/** Writes a command for the trainer; returns its id when it is durable. Nothing is waited for. */
export async function sendCommand(
  { log, topics, clock }: Pick<AskingOptions, 'log' | 'topics' | 'clock'>,
  command: TrainerCommand,
): Promise<string> {
  const command_id = `${command.kind}-${randomUUID()}`;
  const ts = clock.now();
  const value = commandOf({ ...command, command_id, ts });
  await writeRecords(log, topics.commands, [{ key: command_id, value, timestamp: ts }]);
  return command_id;
}

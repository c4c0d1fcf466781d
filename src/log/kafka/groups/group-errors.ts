import { ConfigurationError } from '#platform';
import { errorName, translatedError } from '../wire/kafka-errors.ts';

/** The coordinator's ways to say that a membership is no longer the current one. */
const ended: ReadonlySet<string | undefined> = new Set([
  'UNKNOWN_MEMBER_ID',
  'ILLEGAL_GENERATION',
  'FENCED_INSTANCE_ID',
]);

/** Whether the group has gone on without the member, or another has taken its place. */
export function isExpelled(error: unknown): boolean {
  return ended.has(errorName(error));
}

const foreign: ReadonlySet<string | undefined> = new Set([
  'INCONSISTENT_GROUP_PROTOCOL',
  'GROUP_MAX_SIZE_REACHED',
  'INVALID_GROUP_ID',
]);

/** What a caller is to be told of a coordinator's refusal. */
export function groupError(error: unknown, group: string, sessionTimeoutMs?: number): unknown {
  const name = errorName(error);
  const what = `group ${group}`;
  if (name === 'INVALID_SESSION_TIMEOUT') {
    return new ConfigurationError(
      'MR_KAFKA_SESSION',
      `${what}: the brokers do not allow a session timeout of ${sessionTimeoutMs} ms`,
      {
        hint: "choose one between the brokers' group.min.session.timeout.ms (6000 by default) and group.max.session.timeout.ms, or change these",
        cause: error,
      },
    );
  }
  if (foreign.has(name)) {
    return new ConfigurationError('MR_KAFKA_GROUP', `${what} can't be joined: ${name}`, {
      hint: "stop other programs' consumers that use this group's name, or allow more members with the brokers' group.max.size",
      cause: error,
    });
  }
  return translatedError(error, what);
}

/** `millrace opt-out USER` and `millrace opt-in USER`: whether a user is processed. */

import type { Command } from 'commander';
import { systemClock } from '#platform';
import { requireUserId, writePrivacyStatus } from '#privacy';
import type { PrivacyStatus } from '#schemas';
import { withInstallation } from '#service';
import { defineCommand, EXIT, type Invocation } from '../command.ts';

type Decision = {
  readonly status: Exclude<PrivacyStatus, 'erased'>;
  /** The status as HTTP and JSON have it. */
  readonly shown: string;
  readonly said: (userId: string) => string;
};

export function optOutCommand(command: Command): Command {
  const decision: Decision = {
    status: 'opted_out',
    shown: 'opted-out',
    said: (userId) =>
      `User ${userId} has opted out: their events are no longer accepted, their rows are deleted, and answers are popular items.`,
  };
  return defineCommand({
    command: command.argument('<user>', 'user id, as posted events carry it'),
    examples: [
      ['millrace opt-out 42', 'user 42 is excluded from now on'],
      ['millrace opt-in 42', 'and included again'],
    ],
    notes: `
The user's rows are deleted from all views as soon as the processors read this, further snapshots exclude the user,
and answers to them are popular items. Earlier records stay until their retention ends; "millrace erase" removes them.
A user who was never seen can opt out too. The same over HTTP, with the bearer token of option admin.token: PUT
/users/USER/privacy {"status":"opted-out"}.`,
    run: (invocation, [user = '']) => decide(invocation, user, decision),
  });
}

export function optInCommand(command: Command): Command {
  const decision: Decision = {
    status: 'opted_in',
    shown: 'opted-in',
    said: (userId) => `User ${userId} has opted in: their events are accepted from now on.`,
  };
  return defineCommand({
    command: command.argument('<user>', 'user id, as posted events carry it'),
    examples: [['millrace opt-in 42', 'events of user 42 count from now on']],
    notes: `
The user's rows start empty, with events from now on. The same over HTTP, with the bearer token of option admin.token:
PUT /users/USER/privacy {"status":"opted-in"}.`,
    run: (invocation, [user = '']) => decide(invocation, user, decision),
  });
}

async function decide(
  { configuration, output }: Invocation<object>,
  userId: string,
  { status, shown, said }: Decision,
): Promise<number> {
  requireUserId(userId);
  return withInstallation(configuration, async (installation) => {
    const { log, topics } = installation;
    const pseudonyms = await installation.pseudonyms();
    const ts = systemClock.now();
    const user_id = await pseudonyms.pseudonymOf(userId);
    await writePrivacyStatus(log, topics.privacy, { user_id, status, ts });
    if (output.json) output.value({ user_id: userId, status: shown, ts });
    else output.line(said(userId));
    return EXIT.done;
  });
}

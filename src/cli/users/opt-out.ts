/** `millrace opt-out USER` and `millrace opt-in USER`: what a user has decided. */

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
      `User ${userId} has opted out: no event of theirs is taken any more, their rows go, answers are popular items.`,
  };
  return defineCommand({
    command: command.argument('<user>', 'user id, as posted events carry it'),
    examples: [
      ['millrace opt-out 42', 'user 42 is left out from now on'],
      ['millrace opt-in 42', 'and taken in again'],
    ],
    notes: `
The user's rows go from all views as soon as the processors read this, further snapshots leave the user out, and
answers to them are popular items. What was recorded before stays until its retention; "millrace erase" removes it.
One who was never seen may opt out too. The same over HTTP, with the bearer token of option admin.token:
PUT /users/USER/privacy {"status":"opted-out"}.`,
    run: (invocation, [user = '']) => decide(invocation, user, decision),
  });
}

export function optInCommand(command: Command): Command {
  const decision: Decision = {
    status: 'opted_in',
    shown: 'opted-in',
    said: (userId) => `User ${userId} has opted in: their events are taken from now on.`,
  };
  return defineCommand({
    command: command.argument('<user>', 'user id, as posted events carry it'),
    examples: [['millrace opt-in 42', 'events of user 42 count from now on']],
    notes: `
Views begin anew with the events that come from now on. The same over HTTP, with the bearer token of option
admin.token: PUT /users/USER/privacy {"status":"opted-in"}.`,
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
    const user_id = pseudonyms.pseudonymOf(userId);
    await writePrivacyStatus(log, topics.privacy, { user_id, status, ts });
    if (output.json) output.value({ user_id: userId, status: shown, ts });
    else output.line(said(userId));
    return EXIT.done;
  });
}

/** `millrace erase USER`: nothing of the user is left, or can be told to be theirs. */

import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { audited, operatorOfThisMachine } from '#audit';
import { readBackupStatus } from '#backup';
import { erasureTargets, type RemainingTopic, remainingTopics } from '#erasure';
import { inspectLock, lockDirectory, type Shutdown, systemClock } from '#platform';
import { type EraseTarget, type Erasure, eraseUser, requireUserId, writePrivacyStatus } from '#privacy';
import { openViewsOfModules } from '#processing';
import {
  archiveTarget,
  type Installation,
  openViewsInRedis,
  redisTarget,
  startPipeline,
  unlessInterrupted,
  withInstallation,
} from '#service';
import { defineCommand, EXIT, type Invocation, usageError } from '../command.ts';
import { grouped, notice, type Output, right } from '../output.ts';

type Options = { readonly yes?: boolean };

/** How long processors may take with one step of an erasure. */
const PATIENCE_MS = 120_000;
const DAY_MS = 86_400_000;

export function eraseCommand(command: Command): Command {
  return defineCommand<Options>({
    command: command
      .argument('<user>', 'user id, as posted events carry it')
      .option('-y, --yes', 'do not ask'),
    examples: [
      ['millrace erase 42', 'asks, erases user 42, and reports what was removed where'],
      ['millrace erase 42 --yes --json', 'the same, as one line'],
    ],
    notes: `
Snapshots that contain the user are removed, and versions trained on them archived: train again afterwards. Events
stay on their topics until their retention ends, under a pseudonym that can no longer be linked to the user. The same
command completes an interrupted erasure. A user who comes back afterwards is a new user; to keep them out: millrace
opt-out USER.`,
    run: (invocation, [user = '']) => erase(invocation, user),
  });
}

async function erase(
  { configuration, options, output }: Invocation<Options>,
  userId: string,
): Promise<number> {
  requireUserId(userId);
  return withInstallation(configuration, async (installation, shutdown) => {
    const { log, topics } = installation;
    const pseudonyms = await installation.pseudonyms();
    const pseudonym = pseudonyms.known(userId) ?? 'a user without data';
    const isKnown = pseudonyms.known(userId) !== undefined;
    if (isKnown && options.yes !== true && !(await confirmed(userId, shutdown.signal))) {
      output.line('Nothing was erased.');
      return EXIT.failed;
    }
    const keysAreForgotten = pseudonyms.forgets;
    const { targets, failed } = isKnown ? await prepare(installation, keysAreForgotten, shutdown) : nothing;
    const erasing = eraseUser(userId, {
      pseudonyms,
      targets,
      announce: (user_id) =>
        writePrivacyStatus(log, topics.privacy, { user_id, status: 'erased', ts: systemClock.now() }),
      onTarget: (name) => notice(output, `Erasing: ${name}`),
    });
    const act = { act: 'erase', actor: operatorOfThisMachine(), subject: pseudonym };
    const erasure = await audited({ log, topics, clock: systemClock }, act, () =>
      unlessInterrupted(Promise.race([erasing, failed]), shutdown.signal),
    );
    report(output, userId, erasure, await remainingTopics(log));
    const backup = await readBackupStatus(configuration.data);
    if (backup !== undefined && erasure.keyDestroyed) {
      const kept = `The backup in ${backup.place} has the key until its generation is removed`;
      notice(output, `${kept}; a restore leaves it out once "millrace backup" has run again.`);
    }
    return EXIT.done;
  });
}

async function confirmed(userId: string, signal: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw usageError('An erasure cannot be undone, and there is no terminal to ask on.', 'Add --yes.');
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`Erase user ${userId} permanently? [y/N] `, { signal });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

type Prepared = { readonly targets: readonly EraseTarget[]; readonly failed: Promise<never> };

const nothing: Prepared = { targets: [], failed: new Promise<never>(() => {}) };

/** Where nobody else is at work on the data, the processors that delete the user's rows run here. */
async function prepare(
  installation: Installation,
  keysAreForgotten: boolean,
  shutdown: Shutdown,
): Promise<Prepared> {
  const { configuration } = installation;
  const isAlone = !inspectLock(configuration.data).held;
  let failed = nothing.failed;
  if (isAlone) {
    const lock = lockDirectory(configuration.data, 'erase');
    shutdown.add('data directory', async () => lock.release());
    ({ failed } = await startPipeline(installation, shutdown));
  }
  const modules = await openViewsOfModules(installation, configuration.features.modules);
  const views = isAlone ? await openViewsInRedis(installation, modules, shutdown) : undefined;
  const common = {
    ...installation,
    keysAreForgotten,
    dataDirectory: configuration.data,
    clock: systemClock,
    patienceMs: PATIENCE_MS,
    signal: shutdown.signal,
  };
  const redis = await redisTarget({ ...common, modules }, views, shutdown);
  const others = [...(redis === undefined ? [] : [redis]), await archiveTarget(installation, common)];
  return { targets: erasureTargets({ ...common, modules: modules.map(({ view }) => view), others }), failed };
}

function report(
  output: Output,
  userId: string,
  { erased, keyDestroyed }: Erasure,
  remaining: readonly RemainingTopic[],
): void {
  if (output.json) {
    output.value({ user_id: userId, erased, keyDestroyed, remains: remaining });
    return;
  }
  output.line(`User ${userId} is erased.`);
  output.table(
    ['what', right('removed'), 'where'],
    erased.map(({ target, rows, where }) => [target, grouped(rows), where]),
  );
  output.line(
    keyDestroyed
      ? 'The key of the pseudonym is destroyed: what remains can no longer be linked to the user.'
      : 'Users are on the log by their own ids: what remains names the user.',
  );
  const stays = remaining.map(({ topic, retentionMs }) => {
    return `${topic} (${retentionMs === null ? 'for ever' : `${retentionMs / DAY_MS} days`})`;
  });
  output.line(
    `Remains until its retention ends: ${stays.join(', ')}; in the processors' state, until the examples are complete and it is compacted.`,
  );
  if (erased.some(({ target, rows }) => target === 'versions' && rows > 0)) {
    output.line('Next: millrace train, since versions were archived (with the same --data).');
  }
}

/** `millrace recommend USER`: one answer, from the running server or made here. */

import { type Command, Option } from 'commander';
import { openResponder, type Recommendation } from '#responders';
import { devices, type InteractionContext } from '#schemas';
import {
  askServer,
  requireData,
  responderOptions,
  serverAddress,
  unlessInterrupted,
  withInstallation,
} from '#service';
import { defineCommand, EXIT, type Invocation, wholeNumber } from '../command.ts';
import { notice, type Output, right } from '../output.ts';

const PATIENCE_MS = 10_000;

type Options = Partial<InteractionContext> & {
  readonly k: number;
  readonly currentItem?: string;
  readonly category?: string;
  readonly token?: string;
};

export function recommendCommand(command: Command): Command {
  return defineCommand<Options>({
    command: command
      .argument('<user>', 'user id, as posted events carry it')
      .option('-k <count>', 'how many items', wholeNumber(1, 100), 10)
      .addOption(new Option('--device <device>', 'the device that requests it').choices(Object.keys(devices)))
      .option('--country <country>', 'country, as events carry it')
      .option('--language <language>', 'language, as events carry it')
      .option('--current-item <item>', 'the item that is being looked at')
      .option('--category <category>', 'the only category of the answer')
      .option('--token <token>', 'what the server knows you by (default: MILLRACE_TOKEN)'),
    examples: [
      ['millrace recommend 42', 'ten items, with titles'],
      ['millrace recommend 42 -k 3 --json', 'the answer as GET /recommend/42?k=3 returns it'],
    ],
    notes: `
Asks the server that "millrace start" runs on the data directory, or computes the answer itself if none runs.
source: "index" items come from the trained model; where a ranker is in force, other sources find candidates
as well; "popular" ones fill up the list and are what unknown users get.`,
    flags: ({ token }) => ({ token }),
    run: async ({ configuration, options, output }, [user = '']) => {
      requireData(configuration);
      const address = serverAddress(configuration, 'responder');
      const answer =
        address === undefined
          ? await answerHere({ configuration, options }, user)
          : await askServer(configuration, address, ({ get }) =>
              get('/recommend/{user_id}', { params: { user_id: user }, query: asked(options) }),
            );
      if (output.json) output.value(answer);
      else printAnswer(output, answer);
      return EXIT.done;
    },
  });
}

/** The request's own options, without those that every command has. */
function asked({ k, device, country, language, currentItem, category }: Options) {
  return {
    k,
    ...(device && { device }),
    ...(country && { country }),
    ...(language && { language }),
    ...(currentItem && { current_item: currentItem }),
    ...(category && { category }),
  };
}

async function answerHere(
  { configuration, options }: Pick<Invocation<Options>, 'options' | 'configuration'>,
  user: string,
): Promise<Recommendation> {
  return withInstallation(configuration, async (installation, shutdown) => {
    const shared = await responderOptions(installation);
    // Nobody waits for others here, and code that runs for the first time takes its time.
    const recommending = { ...configuration.recommend, deadlineMs: PATIENCE_MS };
    const responder = await openResponder({ ...shared, recommending });
    shutdown.add('responder', () => responder.close());
    await unlessInterrupted(responder.ready(), shutdown.signal);
    const {
      k,
      device = null,
      country = null,
      language = null,
      currentItem = null,
      category = null,
    } = options;
    return responder.recommend(user, { k, context: { device, country, language }, currentItem, category });
  });
}

export function printAnswer(
  output: Output,
  { user_id, version, degraded, items, latency_ms }: Recommendation,
): void {
  const isWithoutVersion = degraded === 'MR_RECOMMEND_NO_VERSION';
  const by = version === null ? (isWithoutVersion ? 'no version yet' : degraded) : `version ${version}`;
  output.line(`For user ${user_id}, by ${by}, in ${latency_ms.toFixed(1)} ms:`);
  const rows = items.map(({ item_id, title, score, source }, rank) => {
    return [String(rank + 1), title, item_id, score.toFixed(3), source];
  });
  output.table([right(' '), 'title', 'item', right('score'), 'source'], rows);
  if (isWithoutVersion) {
    notice(output, 'No version is in use, so these are the popular items: run "millrace train".');
  } else if (degraded !== null) {
    notice(output, `The user's features can't be read (${degraded}), so these are the popular items.`);
  }
}

/** What `millrace start` says when everything is up: ten lines at most. */

import type { Recommendation } from '#responders';
import type { Version } from '#schemas';
import { isSimulated, type MadeWorld, type Processed, withoutUser } from '#service';
import type { Configuration } from '#service/configuration';
import { grouped, type Output, seconds } from '../output.ts';
import { decisionText, qualityLines } from '../training/training.ts';

export type Summary = {
  readonly configuration: Configuration;
  readonly made: MadeWorld | undefined;
  /** Whether data were imported from this data directory. */
  readonly hasImports: boolean;
  readonly madeMs: number;
  readonly processed: Processed;
  /** The version that answers, or the one that was refused. */
  readonly decided: Version | undefined;
  /** Undefined where nothing was trained. */
  readonly trainedMs: number | undefined;
  readonly answer: Recommendation | undefined;
  readonly firstAnswerMs: number;
  readonly url: string;
  readonly eventsPerSecond: number;
};

export function printSummary(output: Output, summary: Summary): void {
  if (output.json) output.value(asJson(summary));
  else for (const [label, text] of lines(summary)) output.line(`${label.padEnd(10)}${text}`);
}

function* lines(summary: Summary): Generator<readonly [label: string, text: string]> {
  const { decided, url, eventsPerSecond, firstAnswerMs, configuration } = summary;
  yield ['World', worldText(summary)];
  yield ['Processed', processedText(summary.processed)];
  if (decided !== undefined) {
    const took = summary.trainedMs === undefined ? '' : ` in ${seconds(summary.trainedMs)}`;
    yield ['Model', `${decisionText(decided)}${took}`];
    for (const [nth, line] of qualityLines(decided).entries()) yield [nth === 0 ? 'Quality' : '', line];
  }
  const live = eventsPerSecond > 0 ? `, agents live at ${eventsPerSecond} events/s` : '';
  yield ['Serving', `${url}, first answer after ${seconds(firstAnswerMs)}${live}; Ctrl-C stops`];
  const data = configuration.data === `${process.cwd()}/.millrace` ? '' : ` --data ${configuration.data}`;
  yield ['Try', `curl "${url}/recommend/${userToTry(summary)}?k=3"`];
  yield ['', `npx millrace events tail answers --follow${data}`];
  yield ['', `npx millrace topics${data}`];
}

/** Only the pseudonyms of imported users are known here, and nobody asks by those. */
function userToTry({ made, answer, configuration }: Summary): string {
  if (made === undefined && configuration.privacy.userIds === 'pseudonyms') return 'USER';
  return encodeURIComponent(answer?.user_id ?? 'u1');
}

function worldText({ made, madeMs, hasImports, configuration }: Summary): string {
  if (made === undefined) return noWorldText(configuration, hasImports);
  const { world, events, written } = made;
  const size = `${grouped(world.userCount)} users, ${grouped(world.items().length)} items, ${grouped(events)} events`;
  const days = Math.round(world.periodMs / 86_400_000);
  return `${size} over ${days} days, ${written === 0 ? 'created before' : `created in ${seconds(madeMs)}`}`;
}

function noWorldText(configuration: Configuration, hasImports: boolean): string {
  if (hasImports) return 'none: this directory holds imported data';
  if (isSimulated(configuration)) {
    const log = configuration.log === 'embedded' ? 'the log' : withoutUser(configuration.log);
    return `none: ${log} holds data already, from another data directory or other producers`;
  }
  if (configuration.simulation.world === 'off') return 'none: simulation is off';
  return 'none: on Kafka nothing is simulated unless simulation.world is on';
}

function processedText({ events, left, ms }: Processed): string {
  if (events === 0) return left === 0 ? 'nothing new' : `${grouped(left)} records of earlier events`;
  return `${grouped(events)} events in ${seconds(ms)} (${grouped((1000 * events) / ms)} events/s)`;
}

function asJson({
  made,
  madeMs,
  processed,
  decided,
  trainedMs,
  answer,
  firstAnswerMs,
  url,
}: Summary): object {
  return {
    url,
    world: made === undefined ? null : { events: made.events, written: made.written, seconds: madeMs / 1000 },
    processed: { events: processed.events, seconds: processed.ms / 1000 },
    version: decided?.version ?? null,
    status: decided?.status ?? null,
    trained: trainedMs === undefined ? null : { seconds: trainedMs / 1000 },
    model: decided?.candidate.metrics ?? null,
    popularity: decided?.candidate.popularity ?? null,
    decayedPopularity: decided?.candidate.decayed_popularity ?? null,
    firstAnswerSeconds: firstAnswerMs / 1000,
    answer: answer ?? null,
  };
}

/** Whole worlds through the loop: what comes of a list of events when all windows have closed. */
import assert from 'node:assert/strict';
import type { DriverOptions } from '#engine/testing';
import type { Example, ExampleCorrection, Interaction, PopularityRanks } from '#schemas';
import type { LoopOptions } from '../loop.ts';
import {
  accepted,
  catalogue,
  corrections,
  examples,
  goOnTo,
  HOUR_MS,
  NOW,
  openLoop,
  publish,
  publishItems,
  ranks,
} from './loop-driver.ts';

export type World = {
  readonly accepted: readonly Interaction[];
  readonly examples: readonly Example[];
  readonly corrections: readonly ExampleCorrection[];
  readonly ranks: readonly PopularityRanks[];
  /** The examples, as encoded on their topic. */
  readonly bytes: readonly string[];
};

/** Runs events through the loop to the end of all windows; restarts the tasks after `restartAfter` of them. */
export async function runWorld(
  events: readonly Interaction[],
  options: DriverOptions = {},
  restartAfter?: number,
  featureTtlMs?: LoopOptions['featureTtlMs'],
): Promise<World> {
  const loop = await openLoop(undefined, options, {}, {}, {}, featureTtlMs);
  await publishItems(loop, ...catalogue);
  if (restartAfter !== undefined) {
    await publish(loop, ...events.slice(0, restartAfter));
    await loop.driver.restart({ keepStores: restartAfter % 2 === 0 });
  }
  await publish(loop, ...events.slice(restartAfter ?? 0));
  await goOnTo(loop, NOW + 3 * HOUR_MS);
  assert.deepEqual(await loop.driver.readDeadLetters(), []);
  const all = await examples(loop);
  const world = {
    accepted: await accepted(loop),
    examples: all,
    corrections: await corrections(loop),
    ranks: await ranks(loop),
    bytes: all.map((example) => loop.topics.examples.value.encode(example).toString('hex')),
  };
  await loop.driver.close();
  return world;
}

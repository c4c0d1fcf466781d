/** The events that the queries read, written to a log: `node input.ts DIRECTORY EVENTS`. */
import { openEmbeddedLog } from '#log';
import { systemClock } from '#platform';
import { openInputs } from '../../examples/nexmark/events.ts';
import { writeEvents } from '../../examples/nexmark/run.ts';
import { INPUT_OPTIONS } from './case.ts';

const [directory = '', events = ''] = process.argv.slice(2);
const log = await openEmbeddedLog({ directory, clock: systemClock });
await writeEvents(log, await openInputs(log.registry, INPUT_OPTIONS), {
  ...INPUT_OPTIONS,
  events: Number(events),
  seed: 1,
  eventsPerSecond: 10_000,
  startMs: Date.UTC(2026, 0, 30, 12),
});
await log.close();

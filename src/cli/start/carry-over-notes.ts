/** What a start says while it carries over the state of an earlier release. */
import { systemClock } from '#platform';
import type { CarryOverNotes } from '#service';
import { grouped, notice, type Output } from '../output.ts';

/** Between two lines about a carry-over. */
const NOTE_EVERY_MS = 5_000;

/** Lines for the terminal: what is drawn there belongs to what goes on at the same time. */
export function carryOverNotes(output: Output): CarryOverNotes {
  let notedAt = systemClock.monotonic();
  let copied = 0;
  return {
    onProgress: (done, total) => {
      copied = done;
      if (systemClock.monotonic() - notedAt < NOTE_EVERY_MS) return;
      notedAt = systemClock.monotonic();
      const percent = Math.floor((100 * done) / Math.max(1, total));
      notice(
        output,
        `Carrying over the state of an earlier release: ${percent}% of ${grouped(total)} records`,
      );
    },
    onWaiting: (why) => notice(output, `Waiting to carry over the state of an earlier release: ${why}`),
    onDone: () =>
      notice(
        output,
        `Carried over the state of an earlier release: ${grouped(copied)} records. Processing has started.`,
      ),
  };
}

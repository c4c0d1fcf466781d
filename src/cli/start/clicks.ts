import { RetryableError, systemClock } from '#platform';
import type { QualityMonitor } from '#versions';
import type { Output } from '../output.ts';
import { clickLines } from './click-lines.ts';

const LOOKED_AT_EVERY_MS = 10_000;
const HOURS = 24;

/**
 * Tells how many of the items shown were clicked, until `signal`: again when a version has shown twice as many as when it was
 * told of last, so that the lines get rarer. Nothing with --json.
 */
export async function tellClicks(
  quality: Pick<QualityMonitor, 'report'>,
  { output, signal }: { readonly output: Output; readonly signal: AbortSignal },
): Promise<void> {
  if (output.json) return;
  const told = new Map<string, number>();
  while (!signal.aborted) {
    await systemClock.sleep(LOOKED_AT_EVERY_MS, signal);
    if (signal.aborted) return;
    try {
      for (const line of clickLines(await quality.report(HOURS), told)) output.line(line);
    } catch (error) {
      // The monitor has logged it.
      if (!(error instanceof RetryableError)) return;
    }
  }
}

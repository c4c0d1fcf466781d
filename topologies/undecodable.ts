import type { OnUndecodable } from '#engine';
import type { Logger, Metrics } from '#platform';

/** Records told apart; any beyond are counted each time they are read, and not logged. */
const KNOWN_RECORDS = 10_000;

/**
 * Counts and logs records that readers of the catalogue's topics leave out. Topics such as `versions` are read again and
 * again, so each record is told once.
 */
export function leaveOutUndecodable({
  logger,
  metrics,
}: {
  readonly logger: Logger;
  readonly metrics: Metrics;
}): OnUndecodable {
  const help = 'Records that readers outside the processors skipped because they could not be decoded.';
  const counter = metrics.counter('topic_undecodable_records_total', help, ['topic']);
  const known = new Set<string>();
  return ({ topic, partition, offset, key }, err) => {
    const name = `${topic}/${partition}/${offset}`;
    if (known.has(name)) return;
    counter.inc({ topic });
    if (known.size >= KNOWN_RECORDS) return;
    known.add(name);
    logger.warn({ err, topic, partition, offset, key }, 'an undecodable record is skipped');
  };
}

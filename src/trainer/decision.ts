import { type Topic, TopicReader } from '#engine';
import type { Log } from '#log';
import { isDecision } from '#processors';
import type { Version } from '#schemas';

const pollMs = 200;

/** Waits until `versions` says what is decided over a version; at once where that was decided before. */
export async function awaitDecision(
  log: Log,
  versions: Topic<string, Version>,
  version: string,
  signal: AbortSignal,
): Promise<Version> {
  const reader = await TopicReader.open(log, versions, { from: 'start' });
  try {
    for (;;) {
      for (const { value } of await reader.poll(pollMs)) {
        if (value?.version === version && isDecision(value)) return value;
      }
      signal.throwIfAborted();
    }
  } finally {
    await reader.close();
  }
}

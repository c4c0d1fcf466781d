import { Digest, entryHash, type Topic, TopicReader } from '#engine';
import { type AnyView, asOfRows } from '#features';
import type { Log } from '#log';
import type { ViewState } from '#schemas';

/** What the topic of a view holds. */
export type ViewStatistics = {
  readonly rows: number;
  /** Bytes of keys and encoded states. */
  readonly bytes: number;
  /** Event time before which the rows know everything; -Infinity while nobody has said. */
  readonly watermark: number;
  /** Over keys and canonical states, events since the watermark included: equal views, equal digests. */
  readonly digest: string;
};

/** Statistics of an aggregated view. Reads the whole topic. Errors: those of TopicReader; MR_FEATURES_STATE_VERSION, MR_FEATURES_STATE_MALFORMED. */
export function viewStatistics(
  log: Log,
  topic: Topic<string, ViewState>,
  view: AnyView,
): Promise<ViewStatistics> {
  const rows = asOfRows(view);
  const canonical = (state: ViewState) => view.encode(rows.live(rows.fromViewState(state)));
  return statistics(log, topic, canonical, { fingerprint: Buffer.alloc(0), framing: 0 });
}

/** Statistics of a topic that is its own view. */
export function topicStatistics<V>(log: Log, topic: Topic<string, V>): Promise<ViewStatistics> {
  return statistics(log, topic, (value) => topic.value.encode(value), topic.value);
}

async function statistics<V>(
  log: Log,
  topic: Topic<string, V>,
  encode: (value: V) => Buffer,
  { fingerprint, framing }: { readonly fingerprint: Buffer; readonly framing: number },
): Promise<ViewStatistics> {
  const encoded = new Map<string, Buffer>();
  const reader = await TopicReader.open(log, topic, { from: 'start' });
  try {
    for await (const records of reader.untilEnd()) {
      for (const { key, value } of records) {
        if (value === null) encoded.delete(key);
        else encoded.set(key, encode(value));
      }
    }
  } finally {
    await reader.close();
  }
  const digest = new Digest();
  let bytes = 0;
  for (const [key, value] of encoded) {
    const keyBytes = Buffer.from(key);
    digest.add(entryHash(keyBytes, value, fingerprint, framing));
    bytes += keyBytes.length + value.length - framing;
  }
  return { rows: encoded.size, bytes, watermark: reader.newestWatermark, digest: digest.toString() };
}

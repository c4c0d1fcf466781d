/**
 * RankLens, in the two forms in which it is published. Its own (github.com/metarank/ranklens): metadata.jsonl, a film a
 * line, and ranking.jsonl with what was shown to a user and what of it was liked. Metarank's (doc/event-schema.md there):
 * events of type item, user, ranking and interaction. What was shown becomes an answer, which holds the positions, and
 * an impression of each item with the request's id.
 */
import type { FileFormat, JsonObject, OpenedSource, RowReader, Source } from '../source.ts';
import { metarankReader } from './metarank-events.ts';
import { filmReader, likedReader } from './published-rows.ts';

const EXPECTED =
  'Expected metadata.jsonl and ranking.jsonl, or Metarank events (events.jsonl or any other .jsonl file), each plain or gzipped.';

export const rankLens: Source = {
  name: 'ranklens',
  does: 'Import RankLens, or other Metarank events: items, users, rankings with impressions, and interactions.',
  expected: EXPECTED,
  examples: [
    ['millrace import ranklens events.jsonl.gz --data .ranklens', 'Metarank events'],
    ['millrace import ranklens ranklens/dataset --data .ranklens', 'the data set as it is published'],
  ],
  isMapped: false,
  stdinName: 'events.jsonl',
  open: (): OpenedSource => ({
    readingOf: (name, isChosen) => {
      if (name === 'metadata.jsonl') return { format: json(filmReader), namesUsers: false };
      if (name === 'ranking.jsonl') return { format: json(likedReader), namesUsers: true };
      const isEvents = isChosen || /\.jsonl$/.test(name);
      return isEvents ? { format: json(metarankReader), namesUsers: true } : undefined;
    },
    missing: (names) => (names.length === 0 ? 'there is no .jsonl file' : undefined),
    identity: 'ranklens',
  }),
};

function json(open: () => RowReader<JsonObject>): FileFormat {
  return { rows: 'json', open };
}

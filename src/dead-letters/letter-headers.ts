import type { Letter, LettersEnvironment } from './letters.ts';
import { SourceRecords } from './source-records.ts';

/** The headers of a letter as text, by their names: an import's letters have none. */
export async function headersOfLetter(
  { log, topics }: LettersEnvironment,
  { id }: Letter,
): Promise<ReadonlyMap<string, string>> {
  const records = await SourceRecords.open(log, []);
  try {
    const record = await records.at({ topic: topics['dead-letters'].name, partition: 0 }, id);
    return new Map(record?.headers?.map(([name, value]) => [name, value.toString()]));
  } finally {
    await records.close();
  }
}

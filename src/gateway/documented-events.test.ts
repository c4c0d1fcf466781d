import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { eventSchema } from './event-schema.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/API.md'), 'utf8');

/** The first cells of the table whose header begins with this. */
function rows(header: string): string[] {
  const [, table = ''] = page.split(`\n| ${header} |`);
  return table
    .split('\n\n', 1)
    .join()
    .split('\n')
    .slice(2)
    .map((row) => row.split('`')[1] ?? '');
}

it('docs/API.md names every field and kind of an event, and no other', () => {
  const { shape } = eventSchema;
  assert.deepEqual(rows('field').toSorted(), Object.keys(shape).toSorted());
  assert.deepEqual(rows('kind').toSorted(), shape.kind.options.toSorted());
});

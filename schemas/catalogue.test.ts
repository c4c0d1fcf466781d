import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { avroSchema } from './avro-schemas.ts';
import { topics } from './catalogue.ts';

describe('catalogue of topics', () => {
  for (const [name, topic] of Object.entries(topics)) {
    it(`${name} has its own name, a schema and partitions`, () => {
      assert.equal(topic.name, name);
      assert.equal(Object(avroSchema(topic.schema)).name, topic.schema);
      assert.ok(topic.partitions >= 1);
    });
  }

  it('partitions inputs that are joined by user or item alike', () => {
    const counts = (key: string) =>
      Object.values(topics).flatMap((each) => (each.key === key ? [each.partitions] : []));
    for (const key of ['user_id', 'item_id']) assert.equal(new Set(counts(key)).size, 1);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { canonicalSchema, schemaFingerprint } from '#avro';
import { avroSchema } from './avro-schemas.ts';

describe('schemas', () => {
  it('stand alone: a record of another file is put in once, then named', () => {
    const schema = JSON.parse(JSON.stringify(avroSchema('Version')));
    const candidate = schema.fields.find(({ name }: { name: string }) => name === 'candidate');
    assert.equal(candidate.type.name, 'Candidate');
    const example = canonicalSchema(avroSchema('Example'));
    assert.equal(example.match(/"name":"millrace.InteractionKind"/g)?.length, 1);
  });

  it('have a fingerprint that documentation and defaults do not change', () => {
    const schema = avroSchema('Item');
    const bare = JSON.parse(canonicalSchema(schema));
    assert.deepEqual(schemaFingerprint(schema), schemaFingerprint(bare));
    assert.notDeepEqual(schemaFingerprint(schema), schemaFingerprint(avroSchema('User')));
    assert.equal(schemaFingerprint(schema).length, 32);
  });
});

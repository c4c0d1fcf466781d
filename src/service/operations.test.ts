import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { operations } from './operations.ts';

const root = join(import.meta.dirname, '../..');

/** The product's own sources. */
const sources = globSync('{src,schemas,processors,topologies}/**/*.ts', { cwd: root })
  .filter((path) => !/\.test\.ts$|\/(testing|fixtures)\//.test(path))
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));

describe('the operations of a start', () => {
  it('are all that rooms declare', () => {
    const declared = sources
      .filter(({ path }) => path.endsWith('/operations.ts'))
      .flatMap(({ text }) => [...text.matchAll(/= operation\(\{\s+id: '(\w+)'/g)].map(([, id]) => id));
    assert.deepEqual(operations.map(({ id }) => id).toSorted(), declared.toSorted());
    const places = operations.map(({ method, path }) => `${method} ${path}`);
    assert.equal(new Set(places).size, places.length);
  });

  it('are served by no other way, which the document would miss', () => {
    const direct = sources.filter(({ text }) =>
      /\broutes\s*\.(get|post|put|patch|delete|all|route)\b/.test(text),
    );
    assert.deepEqual(
      direct.map(({ path }) => path),
      ['src/platform/http.ts'],
    );
  });

  it('have a request as example wherever one has parameters or a body', () => {
    for (const { id, params, body, example } of operations) {
      if (params !== undefined) assert.notEqual(example?.params, undefined, id);
      if (body !== undefined) assert.notEqual(example?.body, undefined, id);
    }
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listPageIn } from './answers.ts';

const WRITTEN = '<LastModified>2026-01-30T00:00:00Z</LastModified>';
const entry = (key: string, rest = `<Size>1</Size>${WRITTEN}`) =>
  `<Contents><Key>${key}</Key>${rest}</Contents>`;
const list = (...parts: string[]) => `<ListBucketResult>${parts.join('')}</ListBucketResult>\n`;
const pageIn = (body: string) => listPageIn(body, '');
const names = (body: string) => pageIn(body)?.objects.map(({ name }) => name);

describe('a list of objects', () => {
  it('has names as they are, unless the store says that it has encoded them', () => {
    assert.deepEqual(names(list(entry('a+b'), entry('100%'), entry('&amp;'))), ['a+b', '100%', '&']);
    assert.deepEqual(names(list('<EncodingType>url</EncodingType>', entry('a+b%2B%C3%BC'))), ['a b+ü']);
  });

  it('goes on where the store says so', () => {
    const more = '<IsTruncated>true</IsTruncated>';
    const token = '<NextContinuationToken>t&amp;1</NextContinuationToken>';
    assert.equal(pageIn(list(more, entry('a'), token))?.next, 't&1');
    assert.equal(pageIn(list('<IsTruncated>false</IsTruncated>', entry('a'), token))?.next, undefined);
  });

  it('is not taken for whole where something of it is missing', () => {
    const parts = ['<IsTruncated>false</IsTruncated>', entry('a'), entry('b')];
    assert.throws(() => pageIn(list(...parts).slice(0, -20)), /no end/);
    assert.throws(() => pageIn(list('<IsTruncated>true</IsTruncated>', entry('a'))), /where/);
    assert.throws(() => pageIn(list(entry('a', WRITTEN.slice(0, 10)))), /no size or no time/);
    assert.throws(() => pageIn(list(entry('a', '<Size>1</Size>'))), /no size or no time/);
  });

  it('is none where it is that of other names', () => {
    assert.equal(listPageIn(list(entry('p/a'), entry('q/a')), 'p/'), undefined);
    assert.equal(listPageIn(list(entry('p/a'), entry('p/b')), 'p/')?.objects.length, 2);
  });

  it('is none where the answer is something else', () => {
    assert.equal(pageIn('<html></html>'), undefined);
    assert.equal(pageIn('<Error><Code>InternalError</Code></Error>'), undefined);
  });
});

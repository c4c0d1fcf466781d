import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { IdTable, inBitmap } from '#models';
import type { Item } from '#schemas';
import { item } from '../testing/tiny-model.ts';
import { IndexedItems, rowsOf } from '../versions/indexed-items.ts';
import { CatalogueFacts } from '../view-store/catalogue-facts.ts';
import { itemNumber } from '../view-store/item-numbers.ts';
import type { ItemChange, ViewStore } from '../view-store/port.ts';
import { type ItemLimits, ItemPolicy } from './item-policy.ts';
import { RequestFilter } from './request-filter.ts';

const anyone: ItemLimits = {
  age: 18,
  country: null,
  languages: null,
  category: null,
  createdSince: Number.NEGATIVE_INFINITY,
};

function catalogue(items: readonly Item[]) {
  const facts = new CatalogueFacts();
  const listeners = new Set<(item: number, change: ItemChange) => void>();
  const set = (itemId: string, each: Item | undefined) => {
    facts.set(itemNumber(itemId), each);
    for (const listener of listeners) listener(itemNumber(itemId), 'item');
  };
  for (const each of items) set(each.item_id, each);
  const views = {
    facts,
    watchItems: (listener: (item: number, change: ItemChange) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    watchReplaced: () => () => {},
  };
  return {
    views: views as unknown as ViewStore,
    put: (each: Item) => set(each.item_id, each),
    remove: (itemId: string) => set(itemId, undefined),
  };
}

function refusalOf(changes: Partial<Item>, limits: Partial<ItemLimits>) {
  const { views } = catalogue([item('i-0', changes)]);
  return new ItemPolicy({ ...anyone, ...limits }).refusal(itemNumber('i-0'), views.facts);
}

describe('item policy', () => {
  it('refuses by the first reason, at the exact bounds', () => {
    assert.equal(new ItemPolicy(anyone).refusal(itemNumber('none'), new CatalogueFacts()), 'unknown');
    assert.equal(refusalOf({ available: false, age_limit: 99 }, {}), 'unavailable');
    assert.equal(refusalOf({ age_limit: 18 }, { age: 17 }), 'age');
    assert.equal(refusalOf({ age_limit: 18 }, { age: 18 }), undefined);
    assert.equal(refusalOf({ created: 5 }, { createdSince: 6 }), 'freshness');
    assert.equal(refusalOf({ created: 6 }, { createdSince: 6 }), undefined);
    assert.equal(refusalOf({ category: 'a' }, { category: 'b' }), 'category');
    assert.equal(refusalOf({ category: 'a' }, { category: 'a' }), undefined);
  });

  it('shows what is limited to countries where the country is known to be one of them', () => {
    assert.equal(refusalOf({ countries: ['DE', 'AT'] }, { country: 'AT' }), undefined);
    assert.equal(refusalOf({ countries: ['DE', 'AT'] }, { country: 'CH' }), 'country');
    assert.equal(refusalOf({ countries: ['DE'] }, { country: null }), 'country');
    assert.equal(refusalOf({ countries: [] }, { country: null }), undefined);
  });

  it('takes a language with its regions, and items that have none', () => {
    assert.equal(refusalOf({ language: 'de-AT' }, { languages: ['en', 'DE'] }), undefined);
    assert.equal(refusalOf({ language: 'de' }, { languages: ['de-AT'] }), 'language');
    assert.equal(refusalOf({ language: 'deu' }, { languages: ['de'] }), 'language');
    assert.equal(refusalOf({ language: null }, { languages: ['de'] }), undefined);
  });
});

const itemChanges = fc.record({
  available: fc.boolean(),
  age_limit: fc.constantFrom(0, 16, 18),
  countries: fc.subarray(['DE', 'US']),
  language: fc.constantFrom(null, 'de', 'en'),
  category: fc.constantFrom('a', 'b'),
  created: fc.nat(5),
});
const limits = fc.record({
  age: fc.constantFrom(12, 16, 18, Number.POSITIVE_INFINITY),
  country: fc.constantFrom(null, 'DE', 'US'),
  languages: fc.constantFrom(null, ['de'], ['de', 'en']),
  category: fc.constantFrom(null, 'a'),
  createdSince: fc.constantFrom(Number.NEGATIVE_INFINITY, 3),
});

describe('what an index leaves out', () => {
  it('is what the filter refuses of single items, however the catalogue changes', async () => {
    const names = Array.from({ length: 40 }, (_, i) => `i-${i}`);
    const name = fc.constantFrom(...names);
    const steps = fc.array(
      fc.oneof(
        fc.record({ put: name, changes: itemChanges }),
        fc.record({ remove: name }),
        fc.record({ index: name }),
        fc.record({
          limits,
          consumed: fc.array(name),
          deny: fc.array(name, { maxLength: 2 }),
          current: fc.option(name),
          allow: fc.option(fc.array(name)),
        }),
      ),
      { maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        const { views, put, remove } = catalogue(names.slice(0, 20).map((id) => item(id)));
        const known = new Set(names.slice(0, 10));
        const indexed = await IndexedItems.open(rowsOf(IdTable.of([...known])), views);
        for (const step of sequence) {
          if ('put' in step) put(item(step.put, step.changes));
          else if ('remove' in step) remove(step.remove);
          else if ('index' in step) {
            indexed.rowFor(itemNumber(step.index));
            known.add(step.index);
          } else {
            const policy = new ItemPolicy(step.limits);
            const filter = new RequestFilter({ ...step, policy, facts: views.facts });
            const exclude = indexed.excluding(filter.exclusion);
            for (const id of known) {
              const item = itemNumber(id);
              const row = indexed.rowOf(item) as number;
              assert.equal(inBitmap(exclude, row), filter.refusal(item) !== undefined, `${id} in row ${row}`);
            }
          }
        }
        indexed.close();
      }),
      { numRuns: 300 },
    );
  });

  it('keeps bitmaps of so many policies, and drops the one used longest ago', async () => {
    const { views } = catalogue([item('i-0', { age_limit: 40 })]);
    const indexed = await IndexedItems.open(rowsOf(IdTable.of(['i-0'])), views);
    for (let round = 0; round < 2; round++) {
      for (let age = 0; age < 100; age++) {
        const policy = new ItemPolicy({ ...anyone, age });
        assert.equal(inBitmap(indexed.excluding({ policy, items: [] }), 0), age < 40);
      }
    }
    indexed.close();
  });
});

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { seededBytes } from '#platform/testing';
import { BundledRows } from './bundled-rows.ts';

/** Writes enough for earlier writes to be packed. */
function age(rows: BundledRows): void {
  for (let i = 0; i < 5; i++) rows.set(9, 'filler', '', Buffer.alloc(2 ** 22, i));
}

const OTHERS = ['', 'a', 'b', 'ä', '\u{1f600}', 'x'.repeat(200), 'with \u001f in it'];

/** By `each`, the rows that there are by the other entity. */
function foundBy(rows: BundledRows, view: number, owner: string, others: readonly string[]) {
  const found = new Map<string, Buffer>();
  rows.each(view, owner, others, (place, row) => found.set(others[place] as string, Buffer.from(row)));
  return found;
}

/** The same of a map. */
function ofMap(map: ReadonlyMap<string, Buffer>, view: number, owner: string) {
  return new Map(
    OTHERS.flatMap((other) => {
      const row = map.get(JSON.stringify([view, owner, other]));
      return row === undefined ? [] : [[other, row] as const];
    }),
  );
}

describe('BundledRows', () => {
  it('keeps what a map would keep, whatever the views, the ids, the sizes and the order, packed or not', () => {
    const step = fc.record({
      view: fc.nat(2),
      owner: fc.constantFrom('u', 'ü', 'u1', ''),
      other: fc.constantFrom(...OTHERS),
      bytes: fc.option(fc.oneof(fc.nat(60), fc.integer({ min: 100, max: 300 }), fc.constant(70_000))),
      fill: fc.nat(255),
    });
    const steps = fc.array(
      fc.oneof({ weight: 30, arbitrary: step }, { weight: 1, arbitrary: fc.constant('age') }),
      {
        maxLength: 60,
      },
    );
    fc.assert(
      fc.property(steps, (steps) => {
        const rows = new BundledRows();
        const map = new Map<string, Buffer>();
        const names = new Map<string, readonly [view: number, owner: string, other: string]>();
        let fillers = 0;
        for (const step of steps) {
          if (typeof step === 'string') {
            age(rows);
            fillers = 1;
            continue;
          }
          const { view, owner, other, bytes, fill } = step;
          const name = JSON.stringify([view, owner, other]);
          names.set(name, [view, owner, other]);
          if (bytes === null) {
            rows.delete(view, owner, other);
            map.delete(name);
          } else {
            rows.set(view, owner, other, Buffer.alloc(bytes, fill));
            map.set(name, Buffer.alloc(bytes, fill));
          }
          assert.equal(rows.size, map.size + fillers);
        }
        for (const [name, key] of names) assert.deepEqual(rows.get(...key), map.get(name));
        for (const [, [view, owner]] of names)
          assert.deepEqual(foundBy(rows, view, owner, OTHERS), ofMap(map, view, owner));
        assert.equal(rows.get(0, 'u', 'none'), undefined);
        assert.equal(rows.get(0, 'nobody', 'a'), undefined);
      }),
      { numRuns: 100 },
    );
  });

  it("finds each of an owner's many rows while they come and go", () => {
    const rows = new BundledRows();
    const map = new Map<string, number>();
    let random = 1;
    for (let step = 0; step < 40_000; step++) {
      random = (random * 48_271) % 0x7fff_ffff;
      const [owner, other] = [random % 10 === 0 ? 'few' : 'many', `item-${random % 1_500}`];
      // More come than go at first, then the other way round.
      if (random % 7 < (step < 20_000 ? 5 : 2)) {
        rows.set(1, owner, other, Buffer.from([step & 0xff, (step >> 8) & 0xff]));
        map.set(`${owner} ${other}`, step & 0xffff);
      } else {
        rows.delete(1, owner, other);
        map.delete(`${owner} ${other}`);
      }
      assert.equal(rows.size, map.size);
    }
    for (const owner of ['few', 'many']) {
      const all = Array.from({ length: 1_600 }, (_, item) => `item-${item}`);
      for (const others of [all, all.slice(40, 43)]) {
        const found = new Map<string, number>();
        rows.each(1, owner, others, (place, row) => found.set(others[place] as string, row.readUInt16LE()));
        const expected = others.flatMap((other) => {
          const row = map.get(`${owner} ${other}`);
          return row === undefined ? [] : [[other, row] as const];
        });
        assert.deepEqual(found, new Map(expected));
      }
      for (let item = 0; item < 1_500; item++) {
        const other = `item-${item}`;
        assert.equal(rows.get(1, owner, other)?.readUInt16LE(), map.get(`${owner} ${other}`));
        rows.delete(1, owner, other);
      }
    }
    assert.equal(rows.size, 0);
  });

  it('leaves no byte of what is deleted or replaced anywhere', (t) => {
    const memory = collectMemory(t);
    const rows = new BundledRows();
    const secret = seededBytes(24);
    const owner = secret.toString('base64url');
    const isAnywhere = () => memory.some((each) => each.includes(secret) || each.includes(owner));
    const write = () => {
      for (let item = 0; item < 100; item++) {
        const row = Buffer.concat([Buffer.alloc(item), secret]);
        rows.set(2, owner, `item-${item}`, row);
        rows.set(2, `other-${item}`, 'item', Buffer.alloc(40, item));
      }
      assert.ok(isAnywhere());
    };
    const remove = () => {
      for (let item = 0; item < 100; item++) rows.delete(2, owner, `item-${item}`);
      assert.ok(!isAnywhere());
      assert.ok(rows.get(2, 'other-7', 'item')?.equals(Buffer.alloc(40, 7)));
    };
    write();
    remove();
    write();
    age(rows);
    assert.ok(rows.get(2, owner, 'item-3')?.subarray(3).equals(secret));
    remove();
  });
});

/** All memory allocated from now on, apart from what others use. */
function collectMemory(t: TestContext): Buffer[] {
  const memory: Buffer[] = [];
  const allocate = Buffer.allocUnsafeSlow;
  t.mock.method(Buffer, 'allocUnsafeSlow', (bytes: number) => {
    const buffer = allocate(bytes);
    memory.push(buffer);
    return buffer;
  });
  return memory;
}

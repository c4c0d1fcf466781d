import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Outages } from './outages.ts';

it('an outage is a silence longer than events may be out of order, until the next one', () => {
  const outages = new Outages(10);
  outages.arrived(1_000);
  assert.ok(!outages.cover(1_000), 'nothing is known of the time before the first event');
  outages.arrived(1_010);
  assert.ok(!outages.cover(1_005));
  outages.arrived(1_021);
  assert.deepEqual(
    [999, 1_000, 1_010, 1_020, 1_021].map((ms) => outages.cover(ms)),
    [false, true, true, true, false],
  );
  outages.arrived(1_022);
  assert.ok(outages.cover(1_015), 'what comes later still');
  outages.arrived(2_000);
  assert.ok(!outages.cover(1_011));
  assert.ok(outages.cover(1_999));
});

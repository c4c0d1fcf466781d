/**
 * What tests of those who read snapshots share with the tests of this room: a log with the examples of a small world.
 */
export {
  announce,
  example,
  fillSmallWorld,
  item,
  MINUTE_MS,
  noLabels,
  openSmallWorld,
  readAll,
  type SmallWorld,
  smallExamples,
  smallWorld,
  startMs,
  user,
  write,
  writeExamples,
} from '../snapshot/testing/small-world.ts';

/** A collector in a process of its own, which prints its address, and ends with its parent. */
import { TestCollector } from '#platform/testing';

const { url } = await TestCollector.open({ after: () => {} });
process.send?.(url);
process.once('disconnect', () => process.exit());

/** For tests: views as modules declare them. */
export { itemTrends } from '../fixtures/item-trends.ts';
export { first } from '../fixtures/user-kinds.ts';
export { userTrends } from '../fixtures/user-trends.ts';

/** For tests: arbitrary values of a schema, and damaged bytes of them. */
export { arbitraryValue } from './arbitrary.ts';
export { assertTakesNothingElse } from './damaged.ts';

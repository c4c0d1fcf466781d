/** For tests: a log with letters about records of topics of a user's own. */
export { input, type LettersWorld, lettersWorld, table } from './letters-world.ts';

/**
 * The dead letters as an operator meets them: listed, shown, and decided, one or many. A letter that is retried has its record
 * appended to the partition that it came from.
 *
 * It promises that a record is appended at most once, and its outcome written with it, however often, by however many and
 * through whatever crash the same letters are retried. Which records become letters is left to the engine and the services.
 */
export { type Decided, type Decision, decideLetters, type Refused } from './decide.ts';
export { headersOfLetter } from './letter-headers.ts';
export {
  type Letter,
  type LetterFilter,
  type LettersEnvironment,
  letterNamed,
  lettersMatching,
  readOutcomes,
} from './letters.ts';

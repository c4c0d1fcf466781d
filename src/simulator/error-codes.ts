/** The error codes of the simulator. */
import { type CodesOf, fixConfiguration } from '#platform';

export const SIMULATOR_ERRORS = {
  MR_SIMULATOR_EVENTS: fixConfiguration`A world was requested with an invalid number of events.
    Use a whole number.`,
  MR_SIMULATOR_RATE: fixConfiguration`The rate of live events is invalid.
    Use a number greater than 0, or start no live agents.`,
  MR_SIMULATOR_WORLD: fixConfiguration`The parameters of the world are invalid.
    Change what the message names.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof SIMULATOR_ERRORS> {}
}

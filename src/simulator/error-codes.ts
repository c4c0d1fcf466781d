/** The error codes of the simulator and of imports. */
import { type CodesOf, fixConfiguration, fixInput } from '#platform';

export const SIMULATOR_ERRORS = {
  MR_IMPORT_NOT_MOVIELENS: fixInput`A directory does not hold MovieLens 100K.
    Point to the one with u.data, u.item and u.user.`,
  MR_SIMULATOR_EVENTS: fixConfiguration`A world was asked for an impossible number of events.
    Give a whole number.`,
  MR_SIMULATOR_RATE: fixConfiguration`The rate of live events is no rate.
    Give a number greater than 0, or start no live agents.`,
  MR_SIMULATOR_WORLD: fixConfiguration`The parameters make no world.
    Change what the message names.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof SIMULATOR_ERRORS> {}
}

/** The error codes of replays. */
import { type CodesOf, fixConfiguration, fixInput } from '#platform';

export const REPLAYS_ERRORS = {
  MR_REPLAY_DIFFERENT: fixInput`A replay of that name was begun otherwise: of another topology, or over another range.
    Continue it as it was begun, cancel it, or begin another one with --into NAME.`,
  MR_REPLAY_INPUT_GONE: fixInput`The log no longer has records that a replay is to begin with; the message names them.
    Begin later with --from, or accept state without them with --partial.`,
  MR_REPLAY_RANGE: fixInput`An offset or time is outside of what the log has, or a range is empty.
    Choose from what the message names.`,
  MR_REPLAY_RUNNING: fixInput`Another process runs the replay.
    Stop it with Ctrl-C first, or begin another one with --into NAME.`,
  MR_REPLAY_UNKNOWN: fixInput`There is no replay of that name.
    See "millrace replay list".`,
  MR_SWAP_BEHIND: fixInput`A replay that is to be put in force is more than a second behind.
    Run it until it is ready, and swap while it runs.`,
  MR_SWAP_BUSY: fixInput`Somebody else swapped the same topology at the same time; this swap is not done.
    See what is in force with "millrace swap LIVE", then decide again.`,
  MR_SWAP_IN_FORCE: fixInput`Answers come from the replay that is to be cancelled.
    Swap back first: "millrace swap LIVE --back".`,
  MR_SWAP_NO_READERS: fixInput`No answers are made of the topology, so there is nothing that a swap would change.
    Let the consumers of its output topics read those of the replay.`,
  MR_SWAP_NOTHING: fixInput`There is nothing to swap back to.
    Put a replay in force first: "millrace swap LIVE SHADOW".`,
  MR_SWAP_OTHER: fixInput`A replay is of another topology, or of another generation of it.
    Replay this topology with this release, and swap that.`,
  MR_SWAP_OTHER_CODE: fixInput`A replay was made by other code than that which is to go on with its rows.
    Swap it by the release that has made it, or add --adopt if this code can go on with its rows.`,
  MR_SWAP_OTHER_GENERATION: fixConfiguration`Answers come from a replay of an earlier generation of the state, which this release can’t go on with.
    Start the earlier release and swap back, "millrace swap loop --back"; then start this one, and replay again.`,
  MR_SWAP_REDIS: fixConfiguration`Rows of users are kept in Redis, where a swap does not change them over.
    Set option views to in-process, or do without the swap.`,
  MR_SWAP_PARTIAL: fixInput`A replay was made of a part of the log.
    Replay from the beginning; if the log lacks that and the state may do without it, add --partial.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof REPLAYS_ERRORS> {}
}

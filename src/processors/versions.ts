import { defineProcessor, port, type Serde } from '#engine';
import type { Candidate, Command, Version, VersionStatus } from '#schemas';

export type GateOptions = {
  /** How many times the better popularity baseline's recall@10 and ndcg@10 a candidate must reach. */
  readonly minimumLift: number;
};

const GATED_METRICS = ['recall@10', 'ndcg@10'] as const;

/**
 * Owns the topic of versions. Trainers only report candidates; whether one is promoted is decided here, one after
 * the other, so two promotions can't race. A candidate that was decided on before changes nothing. One that is archived
 * is out of use for good.
 */
export function versions(gate: GateOptions, version: Serde<Version>) {
  return defineProcessor({
    inputs: { commands: port<string, Command>() },
    outputs: { versions: port<string, Version>() },
    stores: { decided: { value: version } },
    reads: {
      commands: ({ value: { candidate } }) => ({ decided: candidate === null ? [] : [candidate.version] }),
    },
    process: {
      commands: ({ value: command }, { stores, emit }) => {
        const { candidate, command_id, kind, ts } = command;
        if (candidate === null) return;
        const decided = stores.decided.get(candidate.version);
        if (decided?.status === 'archived' || (decided !== undefined && kind !== 'archive')) return;
        const step = (status: VersionStatus): Version => {
          return { version: candidate.version, status, ts, command_id, reason: null, candidate };
        };
        if (kind === 'archive') {
          const archived = { ...step('archived'), reason: `withdrawn by command ${command_id}` };
          emit('versions', candidate.version, archived, ts);
          stores.decided.put(candidate.version, archived, ts);
          return;
        }
        const reason = rejection(candidate, gate);
        const decision = { ...step(reason === null ? 'promoted' : 'rejected'), reason };
        for (const event of [step('registered'), step('evaluated'), decision]) {
          emit('versions', candidate.version, event, ts);
        }
        stores.decided.put(candidate.version, decision, ts);
      },
    },
  });
}

/** Why a candidate does not pass; null when it does. */
function rejection(candidate: Candidate, { minimumLift }: GateOptions): string | null {
  for (const metric of GATED_METRICS) {
    const reached = candidate.metrics[metric] ?? 0;
    const baseline = Math.max(candidate.popularity[metric] ?? 0, candidate.decayed_popularity[metric] ?? 0);
    if (reached < baseline * minimumLift) {
      return `${metric} is ${reached.toFixed(4)}, popularity reaches ${baseline.toFixed(4)} and the gate asks for ${minimumLift} times that`;
    }
  }
  return null;
}

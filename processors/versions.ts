import { defineProcessor, port, type Serde } from '#engine';
import type {
  Candidate,
  Command,
  CommandAnswer,
  PromotionHistory,
  Version,
  VersionRole,
  VersionStatus,
} from '#schemas';
import { asksOtherwise, type GateOptions, judgeCandidate } from './gates.ts';
import { promotionsAfter } from './version-registry.ts';

const ROLES: readonly VersionRole[] = ['retrieval', 'ranking', 'similar'];

/** Whether a step of a version is where it stays until someone asks for more: what waits for its publishing ends here. */
export function isDecision({ status, reason }: Version): boolean {
  return status === 'promoted' || status === 'rejected' || (status === 'staged' && reason !== null);
}

export type RegistryValues = {
  readonly version: Serde<Version>;
  readonly promotions: Serde<PromotionHistory>;
};

type Stores = {
  readonly decided: {
    get(key: string): Version | undefined;
    put(key: string, value: Version, timestamp: number): void;
  };
  readonly promotions: {
    get(key: string): PromotionHistory | undefined;
    put(key: string, value: PromotionHistory, timestamp: number): void;
  };
};

type Emit = {
  (output: 'versions', key: string, value: Version, timestamp: number): void;
  (output: 'answers', key: string, value: CommandAnswer, timestamp: number): void;
};

/** A command that can't be carried out: its code and why. */
class Refusal {
  readonly code: string;
  readonly reason: string;

  constructor(code: string, reason: string) {
    this.code = code;
    this.reason = reason;
  }
}

/**
 * Owns the topic of versions. All else only asks: trainers and `millrace versions publish` report candidates, people
 * promote, roll back and archive. One task decides, one command after the other, so two promotions can't race. The life
 * of a version:
 *
 *   registered -> evaluated -> rejected
 *                           -> staged -> promoted -> rolled_back -> promoted ...
 *
 * and archived from anywhere, which is for good. One version is in force in each role: the newest of the role's
 * promotions, of which a rollback takes the last away; only of a ranker also the first. Every command is answered on topic `command-answers`, with the
 * code of an error and the reason where it is refused; a candidate that was decided on before changes nothing, unless it was
 * rejected by gates that ask for something else now: then it is decided on again, whether it is published or promoted.
 */
export function versions(gate: GateOptions, { version, promotions }: RegistryValues) {
  return defineProcessor({
    inputs: { commands: port<string, Command>() },
    outputs: { versions: port<string, Version>(), answers: port<string, CommandAnswer>() },
    stores: { decided: { value: version }, promotions: { value: promotions } },
    reads: {
      commands: ({ value }) => {
        const named = value.candidate?.version ?? value.version;
        return { decided: named === null ? [] : [named], promotions: isOurs(value) ? ROLES : [] };
      },
    },
    process: {
      commands: ({ value: command }, { stores, emit }) => {
        if (!isOurs(command)) return;
        const registry = new Registry(command, gate, stores, emit as Emit);
        const about = command.candidate?.version ?? command.version;
        try {
          const step = registry.carryOut();
          answer(emit as Emit, command, { version: step.version, status: step.status, reason: step.reason });
        } catch (refusal) {
          if (!(refusal instanceof Refusal)) throw refusal;
          const status = about === null ? null : (stores.decided.get(about)?.status ?? null);
          answer(emit as Emit, command, { version: about, status, ...refusal });
        }
      },
    },
  });
}

function isOurs({ kind }: Command): boolean {
  return kind === 'publish' || kind === 'promote' || kind === 'rollback' || kind === 'archive';
}

function answer(
  emit: Emit,
  { command_id, kind, ts }: Command,
  { code = null, ...rest }: Pick<CommandAnswer, 'version' | 'status' | 'reason'> & { code?: string | null },
): void {
  emit('answers', command_id, { command_id, ts, kind, accepted: code === null, code, ...rest }, ts);
}

/** Applies one command to the known versions. Each method returns the step that answers the command. */
class Registry {
  readonly #command: Command;
  readonly #gate: GateOptions;
  readonly #stores: Stores;
  readonly #emit: Emit;

  constructor(command: Command, gate: GateOptions, stores: Stores, emit: Emit) {
    this.#command = command;
    this.#gate = gate;
    this.#stores = stores;
    this.#emit = emit;
  }

  carryOut(): Version {
    switch (this.#command.kind) {
      case 'publish':
        return this.#publish(this.#candidate());
      case 'promote':
        return this.#promote();
      case 'rollback':
        return this.#rollBack();
      default:
        return this.#archive(this.#candidate());
    }
  }

  #publish(candidate: Candidate): Version {
    const known = this.#stores.decided.get(candidate.version);
    if (known !== undefined && !this.#isOutdated(known)) return known;
    if (known === undefined) this.#step(candidate, 'registered');
    const decided = this.#judge(candidate);
    const isPassed = decided.status === 'staged' && decided.reason === null;
    return isPassed ? this.#putInForce(decided, { reason: null }) : decided;
  }

  /** Rejected by what is not asked for any more. */
  #isOutdated({ status, gates, candidate }: Version): boolean {
    return status === 'rejected' && asksOtherwise(gates, candidate, this.#gate);
  }

  /** Rejected, or staged: with a reason where it waits for an approval. */
  #judge(candidate: Candidate): Version {
    const promoted = this.#promotions(candidate.role).at(-1);
    const inForce = promoted === undefined ? null : this.#decided(promoted).candidate;
    const { results: gates, rejection, waits } = judgeCandidate(candidate, inForce, this.#gate);
    this.#step(candidate, 'evaluated', { gates });
    if (rejection !== null) return this.#step(candidate, 'rejected', { gates, reason: rejection });
    return this.#step(candidate, 'staged', { gates, reason: waits });
  }

  #promote(): Version {
    const before = this.#known();
    const known = this.#isOutdated(before) ? this.#judge(before.candidate) : before;
    const { version, status, reason, candidate } = known;
    if (status === 'archived' || status === 'rejected') {
      const why = reason === null ? '' : `: ${reason}`;
      throw new Refusal('MR_VERSION_NOT_PROMOTABLE', `version ${version} is ${status}${why}`);
    }
    if (this.#promotions(candidate.role).at(-1) === version) {
      throw new Refusal('MR_VERSION_IN_FORCE', `version ${version} is in force already`);
    }
    return this.#putInForce(known, { reason: this.#command.reason });
  }

  #rollBack(): Version {
    const named = this.#command.version;
    const role = named === null ? 'retrieval' : this.#known().candidate.role;
    const promotions = this.#promotions(role);
    const inForce = promotions.at(-1);
    if (inForce === undefined || (named !== null && named !== inForce)) {
      const is = inForce === undefined ? 'none is' : `${inForce} is`;
      throw new Refusal(
        'MR_VERSION_NOT_IN_FORCE',
        `version ${named ?? 'of retrieval'} is not in force: ${is}`,
      );
    }
    const before = promotions.at(-2);
    // Without a ranker answers are in the order of the index; without a retrieval there would be popular items alone.
    if (before === undefined && role === 'retrieval') {
      throw new Refusal('MR_VERSION_NO_PREVIOUS', `no version was promoted before ${inForce}`);
    }
    const { candidate, gates } = this.#decided(inForce);
    const gone = this.#step(candidate, 'rolled_back', { gates, reason: this.#command.reason });
    if (before === undefined) return gone;
    return this.#returnTo(before, `version ${inForce} was rolled back`, inForce);
  }

  /** What was withdrawn is never in force again; where it was, the one promoted before it takes its place. */
  #archive(candidate: Candidate): Version {
    const { version, role } = candidate;
    const known = this.#stores.decided.get(version);
    if (known?.status === 'archived') return known;
    const promotions = this.#promotions(role);
    const inForce = promotions.at(-1);
    if (this.#command.only_unused && promotions.slice(-2).includes(version)) {
      const is = version === inForce ? 'is in force' : 'is what a rollback returns to';
      throw new Refusal('MR_VERSION_IN_FORCE', `version ${version} ${is}`);
    }
    const why = this.#command.reason ?? `withdrawn by command ${this.#command.command_id}`;
    const archived = this.#step(candidate, 'archived', { gates: known?.gates ?? [], reason: why });
    const heir = this.#promotions(role).at(-1);
    if (version === inForce && heir !== undefined) {
      this.#returnTo(heir, `version ${version} was archived`, version);
    }
    return archived;
  }

  #putInForce(known: Version, { reason }: { readonly reason: string | null }): Version {
    const { candidate, gates } = known;
    const previous = this.#promotions(candidate.role).at(-1) ?? null;
    return this.#step(candidate, 'promoted', { gates, reason, previous });
  }

  #returnTo(version: string, reason: string, previous: string): Version {
    const { candidate, gates } = this.#decided(version);
    return this.#step(candidate, 'promoted', { gates, reason, previous });
  }

  #step(
    candidate: Candidate,
    status: VersionStatus,
    {
      gates = [],
      reason = null,
      previous = null,
    }: Partial<Pick<Version, 'gates' | 'reason' | 'previous'>> = {},
  ): Version {
    const { command_id, ts, actor } = this.#command;
    const { version } = candidate;
    const step: Version = { version, status, ts, command_id, reason, candidate, actor, previous, gates };
    this.#emit('versions', version, step, ts);
    this.#stores.decided.put(version, step, ts);
    const before = this.#promotions(candidate.role);
    const versions = promotionsAfter(before, step);
    if (versions.join() !== before.join())
      this.#stores.promotions.put(candidate.role, { versions: [...versions] }, ts);
    return step;
  }

  #promotions(role: VersionRole): readonly string[] {
    return this.#stores.promotions.get(role)?.versions ?? [];
  }

  #candidate(): Candidate {
    const { candidate, kind } = this.#command;
    if (candidate !== null) return candidate;
    throw new Refusal('MR_VERSION_UNKNOWN', `the command to ${kind} has no candidate`);
  }

  #known(): Version {
    const { version, kind } = this.#command;
    if (version === null) throw new Refusal('MR_VERSION_UNKNOWN', `the command to ${kind} names no version`);
    return this.#decided(version);
  }

  #decided(version: string): Version {
    const known = this.#stores.decided.get(version);
    if (known !== undefined) return known;
    throw new Refusal('MR_VERSION_UNKNOWN', `there is no version ${version}`);
  }
}

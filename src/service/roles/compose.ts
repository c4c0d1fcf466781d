/** A process of some roles: each is opened, then all are served on one port, and then those begin that work unasked. */
import { randomBytes } from 'node:crypto';
import { type Shutdown, systemClock } from '#platform';
import type { InForce } from '#replays';
import type { Responder } from '#responders';
import type { QualityMonitor } from '#versions';
import { CopiesInForce } from '../copies-in-force.ts';
import type { Installation } from '../installation.ts';
import type { JobWorks } from '../jobs/start-jobs.ts';
import { type CarryOverNotes, type Pipeline, startPipeline } from '../pipeline.ts';
import { serve } from '../server.ts';
import { watchCopies } from '../shared-copies.ts';
import { archiveRole } from './archive.ts';
import { hasAllRoles, knowUsers } from './catalogue.ts';
import { CodeGeneration } from './code-generation.ts';
import { openGatewayRole } from './gateway.ts';
import { openOperationsRole } from './operations.ts';
import { processorsRole } from './processors.ts';
import { openResponderRole } from './responder.ts';
import type { RoleName } from './role.ts';
import { type TrainerRole, trainerRole } from './trainer.ts';

/**
 * A start serves from the beginning: while it writes a world and trains its first version on that, or while it processes
 * what came since the last run.
 */
export type StartPhase = 'making world' | 'training' | 'catching up' | 'up';

export type ComposeOptions = {
  readonly roles: readonly RoleName[];
  readonly notes: CarryOverNotes;
  readonly works: JobWorks;
  /** The hash of the plan that was accepted. */
  readonly accepted?: string | undefined;
};

/** A process of roles; undefined is what belongs to roles that it has not. */
export type Composed = {
  readonly pipeline: Pipeline | undefined;
  readonly responder: Responder | undefined;
  readonly trainer: TrainerRole | undefined;
  readonly quality: QualityMonitor | undefined;
  /** By which this process's own programs are known to its server. */
  readonly ownToken: string;
  /** Set by a start of all roles. */
  phase: StartPhase;
  /** Serves until the shutdown; returns the address. Errors: those of openAccess, and as checkPort. */
  serve(): Promise<string>;
  /** Begins what archive and operations do; `failed` rejects when any of it ends by itself. */
  begin(): Promise<{ readonly failed: Promise<never> }>;
};

/**
 * Opens the roles. The stores of a process that has not all roles are restored while it serves already, so that it can tell
 * how far it is. Errors: those of startPipeline, openPseudonyms, openResponderRole and openGatewayRole.
 */
export async function composeRoles(
  installation: Installation,
  { roles, notes, works, accepted }: ComposeOptions,
  shutdown: Shutdown,
): Promise<Composed> {
  const has = (role: RoleName) => roles.includes(role);
  // Refused before this process joins the group and its members write anything.
  if (knowUsers(roles)) await installation.pseudonyms();
  const isDeferred = !hasAllRoles(roles);
  const pipeline = has('processors')
    ? await startPipeline(installation, shutdown, { notes, accepted, isDeferred })
    : undefined;
  const answering = has('responder') ? await openResponderRole(installation, shutdown) : undefined;
  followCopies(installation, { pipeline, answering }, shutdown);
  const watching = has('operations')
    ? await openOperationsRole(installation, { responder: answering?.responder, works }, shutdown)
    : undefined;
  const lag = pipeline && (() => pipeline.latest().lag.interactions ?? 0);
  const isMakingWorld = () => composed.phase === 'making world';
  const taking = has('gateway')
    ? await openGatewayRole(installation, { lag, isMakingWorld }, shutdown)
    : undefined;
  const trainer = has('trainer') ? trainerRole(installation) : undefined;
  const archive = has('archive') ? archiveRole(installation) : undefined;
  const processors = pipeline && processorsRole(pipeline);
  const parts = [taking, processors, answering, trainer, archive, watching].filter(
    (part) => part !== undefined,
  );
  const ownToken = randomBytes(32).toString('base64url');
  const composed: Composed = {
    pipeline,
    responder: answering?.responder,
    trainer,
    quality: watching?.quality,
    ownToken,
    phase: 'up',
    serve: () => {
      const code = pipeline === undefined ? codeGeneration(installation, shutdown) : undefined;
      return serve(installation, { parts, ownToken, code, phase: () => composed.phase }, shutdown);
    },
    begin: async () => {
      watchCopies(installation, shutdown);
      const begun = [await archive?.begin(shutdown), await watching?.begin(shutdown)];
      return { failed: Promise.race(begun.flatMap((each) => each?.failed ?? [])) };
    },
  };
  return composed;
}

type Copied = {
  readonly pipeline: Pipeline | undefined;
  readonly answering:
    | { readonly responder: Responder; readonly inForce: ReadonlyMap<string, InForce> }
    | undefined;
};

function followCopies(installation: Installation, { pipeline, answering }: Copied, shutdown: Shutdown): void {
  if (pipeline === undefined && answering === undefined) return;
  const followers = { responder: answering?.responder, keepsReplays: pipeline !== undefined };
  CopiesInForce.follow(installation, followers, answering?.inForce ?? new Map(), shutdown);
}

function codeGeneration(
  { log, logger, metrics }: Installation,
  shutdown: Shutdown,
): () => string | undefined {
  const { signal } = shutdown;
  const code = new CodeGeneration({ log, clock: systemClock, logger, metrics, signal });
  shutdown.add('generation of the code', () => code.ended);
  return () => code.difference;
}

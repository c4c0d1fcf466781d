import { openGateway } from '#gateway';
import { type Shutdown, systemClock } from '#platform';
import { processedInteractions } from '#processing';
import type { Installation } from '../installation.ts';
import { Intake } from '../intake.ts';
import { AdmissionLag } from './admission-lag.ts';
import type { RolePart } from './role.ts';

export type GatewayRoleOptions = {
  /** Events that await admission, where this process knows; the log says it otherwise. */
  readonly lag?: (() => number) | undefined;
  readonly isMakingWorld: () => boolean;
};

/** Takes events until `shutdown`. Errors: those of the log and of openPseudonyms. */
export async function openGatewayRole(
  installation: Installation,
  { lag, isMakingWorld }: GatewayRoleOptions,
  shutdown: Shutdown,
): Promise<RolePart> {
  const { configuration, log, embedded, topics, pseudonyms, logger, metrics } = installation;
  const { disk, gateway: limits, admission } = configuration;
  const intake = new Intake({
    directory: embedded === undefined ? undefined : configuration.data,
    reserveBytes: disk.reserveMb * 1_000_000,
    maxLag: limits.maxLag,
    lag: lag ?? lagOnLog(installation, shutdown),
    isMakingWorld,
    clock: systemClock,
    logger,
    metrics,
  });
  const gateway = await openGateway({
    log,
    topics,
    pseudonyms: await pseudonyms(),
    clock: systemClock,
    futureMs: admission.futureMs,
    pending: { most: admission.userPendingEvents, processed: () => processedInteractions(log) },
    refusal: () => intake.refusal(),
    logger,
    metrics,
  });
  shutdown.add('gateway', () => gateway.close());
  return {
    role: 'gateway',
    register: (server) => {
      gateway.registerRoutes(server);
      server.addReadyCheck('disk', () => intake.notReady());
    },
    state: () => {
      const refusal = intake.refusal();
      return refusal === undefined ? 'takes events' : `refuses events: ${refusal.message}`;
    },
  };
}

function lagOnLog({ log, logger, metrics }: Installation, shutdown: Shutdown): () => number {
  const { signal } = shutdown;
  const lag = new AdmissionLag({ log, clock: systemClock, logger, metrics, signal });
  shutdown.add('lag of admission', () => lag.ended);
  return () => lag.events;
}

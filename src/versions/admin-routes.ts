import { readRegistry } from '#offline';
import { type Caller, type HttpReply, type HttpServer, InputError, sendProblem } from '#platform';
import { runRequest } from '#schemas';
import type { Topics } from '#topologies';
import { type AskingOptions, askRegistry, type RegistryRequest } from './ask-registry.ts';
import { listedVersion } from './listed-version.ts';
import { listVersions, promote, reindex, rollback, train } from './operations.ts';
import type { QualityMonitor } from './quality/quality.ts';
import { itemCounts } from './quality/report.ts';
import { sendCommand, type TrainerCommand } from './send-command.ts';

const QUALITY_HOURS = 24;

export type AdminOptions = AskingOptions & {
  readonly topics: Pick<Topics, 'versions'>;
  readonly quality: Pick<QualityMonitor, 'report'>;
  /** How versions agree with those in use, as whoever serves them has found. */
  readonly comparisons: () => readonly Compared[];
};

type Compared = {
  readonly version: string;
  readonly mode: 'swap' | 'shadow';
  readonly production: string;
  readonly requests: number;
  readonly overlap: number | null;
  readonly correlation: number | null;
  readonly difference: number | null;
};

type RegistryWanted = Pick<RegistryRequest, 'kind'> & {
  readonly version?: string | null | undefined;
  readonly actor: string;
  readonly reason?: string | null | undefined;
};

/**
 * `POST /admin/versions/:version/promote` and `POST /admin/rollback`, which answer when it is decided, and 409 where the
 * registry refuses; `POST /admin/train` and `POST /admin/reindex`, which answer as soon as the command is on the log; and
 * `GET /versions`.
 */
export function registerVersionRoutes(server: HttpServer, options: AdminOptions): void {
  const carryOut = async (
    reply: HttpReply,
    { actor, reason = null, version = null, kind }: RegistryWanted,
  ) => {
    try {
      const answer = await askRegistry(options, { kind, version, actor, reason });
      return { command: answer.kind, version: answer.version, status: answer.status };
    } catch (error) {
      if (error instanceof InputError) return sendProblem(reply, 409, error);
      throw error;
    }
  };
  server.serve(listVersions, async () => {
    const registry = await readRegistry(options);
    const { answers } = await options.quality.report(QUALITY_HOURS);
    return {
      versions: registry.versions.map((each) => {
        const { version } = each.latest;
        const own = answers.filter(({ version: found, ranker }) => found === version || ranker === version);
        const agreement = options.comparisons().flatMap((compared) => {
          const { mode, production, requests, overlap, correlation, difference } = compared;
          const shown = { mode, production, requests, overlap, correlation, difference };
          return compared.version === version ? [shown] : [];
        });
        return { ...listedVersion(registry, each), lastDay: itemCounts(own), agreement };
      }),
    };
  });
  server.serve(promote, ({ params: { version }, body, caller, reply }) =>
    carryOut(reply, { ...body, kind: 'promote', version, actor: actorOf(body, caller) }),
  );
  server.serve(rollback, ({ body, caller, reply }) =>
    carryOut(reply, { ...body, kind: 'rollback', actor: actorOf(body, caller) }),
  );
  const send = async (command: TrainerCommand) => ({ command_id: await sendCommand(options, command) });
  server.serve(train, ({ body, caller }) => {
    const { models, seed = null, force, reason = null } = body ?? {};
    const run = runRequest({ models: models ?? [] });
    const actor = actorOf(body, caller);
    return send({ kind: 'train', run, seed, force: force ?? false, actor, reason });
  });
  server.serve(reindex, ({ body, caller }) => {
    return send({ kind: 'reindex', actor: actorOf(body, caller), reason: body?.reason ?? null });
  });
}

/** Whom a request names as the one who asks, or else whose credential it has. */
function actorOf(
  body: { readonly actor?: string | undefined } | null | undefined,
  caller: Caller | null,
): string {
  return body?.actor ?? caller?.name ?? 'unknown';
}

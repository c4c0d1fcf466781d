import { readRegistry } from '#offline';
import { type HttpReply, type HttpServer, InputError, sendProblem, withAdminToken } from '#platform';
import { runRequest } from '#schemas';
import type { Topics } from '#topologies';
import { type AskingOptions, askRegistry, type RegistryRequest } from './ask-registry.ts';
import { listedVersion } from './listed-version.ts';
import { listVersions, promote, reindex, rollback, train } from './operations.ts';
import { sendCommand, type TrainerCommand } from './send-command.ts';

/** Who is named where a request names nobody. */
const ACTOR = 'admin API';

export type AdminOptions = AskingOptions & {
  readonly topics: Pick<Topics, 'versions'>;
  /** Expected in `authorization: Bearer ...`; without one every request is refused. */
  readonly token: string | undefined;
};

type RegistryWanted = Pick<RegistryRequest, 'kind'> & {
  readonly version?: string | null | undefined;
  readonly actor?: string | undefined;
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
    { actor = ACTOR, reason = null, version = null, kind }: RegistryWanted,
  ) => {
    try {
      const answer = await askRegistry(options, { kind, version, actor, reason });
      return { command: answer.kind, version: answer.version, status: answer.status };
    } catch (error) {
      if (error instanceof InputError) return sendProblem(reply, 409, error);
      throw error;
    }
  };
  const admit = withAdminToken(options.token);
  server.serve(listVersions, async () => {
    const registry = await readRegistry(options);
    return { versions: registry.versions.map((each) => listedVersion(registry, each)) };
  });
  server.serve(
    promote,
    ({ params: { version }, body, reply }) => carryOut(reply, { kind: 'promote', version, ...body }),
    admit,
  );
  server.serve(
    rollback,
    ({ body, reply }) => carryOut(reply, { kind: 'rollback', ...body, version: body?.version ?? null }),
    admit,
  );
  const send = async (command: TrainerCommand) => ({ command_id: await sendCommand(options, command) });
  server.serve(
    train,
    ({ body }) => {
      const { models, seed = null, force, actor = ACTOR, reason = null } = body ?? {};
      const run = runRequest({ models: models ?? [] });
      return send({ kind: 'train', run, seed, force: force ?? false, actor, reason });
    },
    admit,
  );
  server.serve(
    reindex,
    ({ body }) => {
      const { actor = ACTOR, reason = null } = body ?? {};
      return send({ kind: 'reindex', actor, reason });
    },
    admit,
  );
}

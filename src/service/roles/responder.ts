import type { Shutdown } from '#platform';
import type { InForce } from '#replays';
import { openResponder, type Responder } from '#responders';
import type { Installation } from '../installation.ts';
import { responderOptions } from '../responder-options.ts';
import { openViewsInRedis } from '../views.ts';
import type { RolePart } from './role.ts';

export type ResponderRole = RolePart & {
  readonly responder: Responder;
  /** What was in force when it was opened. */
  readonly inForce: ReadonlyMap<string, InForce>;
};

/** Answers requests until `shutdown`. Errors: those of responderOptions, openViewsInRedis and openResponder. */
export async function openResponderRole(
  installation: Installation,
  shutdown: Shutdown,
): Promise<ResponderRole> {
  const options = await responderOptions(installation);
  const views = await openViewsInRedis(installation, options.modules, shutdown);
  const tracing = await installation.tracing();
  const responder = await openResponder({ ...options, tracing, ...(views && { views: views.store }) });
  shutdown.add('responder', () => responder.close());
  return {
    role: 'responder',
    responder,
    inForce: options.inForce,
    register: (server) => {
      responder.registerRoutes(server);
      if (views !== undefined) server.addReadyCheck('views', () => views.notReady());
    },
    state: () => {
      const { version } = responder;
      const by = version === undefined ? 'answers with popular items' : `answers from version ${version}`;
      const refused = responder.refused.map(
        (each) => `version ${each.version} cannot be loaded (${each.code})`,
      );
      return [by, ...refused].join('; ');
    },
  };
}

import type { MemberRole } from '#engine';
import type { Shutdown } from '#platform';
import type { RoleName, RolePart } from './role.ts';

/** A role that one process of the group has at a time. */
export type Member = RolePart & {
  /** Works until `shutdown`; `failed` rejects when it ends by itself. */
  begin(shutdown: Shutdown): Promise<{ readonly failed: Promise<never> }>;
};

/**
 * `place`: undefined before the group has answered. A process that waits for another one's place is ready to take it.
 * `stalled`: why the work of the active one does not go on.
 */
export function memberPart(
  role: RoleName,
  does: string,
  place: () => MemberRole | undefined,
  stalled: () => Error | undefined = () => undefined,
): RolePart {
  const stall = () => {
    const error = place() === 'active' ? stalled() : undefined;
    return error && `has stalled: ${error.message}`;
  };
  return {
    role,
    register: () => {},
    state: () => {
      const now = place();
      if (now === undefined) return 'joins its group';
      if (now === 'standby') return `stands by: another process ${does}`;
      return stall() ?? does;
    },
    waitsFor: () => (place() === undefined ? 'waits for its place in its group' : stall()),
  };
}

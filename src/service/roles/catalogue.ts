/** The roles of processes. */
import { QUERY_OPERATIONS } from '#engine/operations';
import { GATEWAY_OPERATIONS } from '#gateway/operations';
import { JOB_OPERATIONS } from '#jobs/operations';
import { RESPONDER_OPERATIONS } from '#responders/operations';
import { VERSION_OPERATIONS } from '#versions/operations';
import { getTopology, listTasks, listTopics } from '../operations.ts';
import { ROLE_NAMES, type Role, type RoleName } from './role.ts';

export const ROLES: Readonly<Record<RoleName, Role>> = {
  gateway: {
    does: 'takes events and decisions of users',
    knowsUsers: true,
    isExclusive: false,
    operations: GATEWAY_OPERATIONS,
  },
  processors: {
    does: 'runs its share of the tasks: admission, feature views, examples, the registry of versions',
    knowsUsers: false,
    isExclusive: false,
    operations: [...QUERY_OPERATIONS, listTasks, getTopology],
  },
  responder: {
    does: 'answers requests for recommendations and features',
    knowsUsers: true,
    isExclusive: false,
    operations: RESPONDER_OPERATIONS,
  },
  trainer: {
    does: 'takes snapshots, trains versions and builds indexes',
    knowsUsers: false,
    isExclusive: true,
    operations: [],
  },
  archive: {
    does: 'writes the log as Parquet',
    knowsUsers: false,
    isExclusive: true,
    operations: [],
  },
  operations: {
    does: 'lists and changes versions, runs jobs, measures the quality of answers, notifies',
    knowsUsers: false,
    isExclusive: false,
    operations: [...VERSION_OPERATIONS, ...JOB_OPERATIONS, listTopics],
  },
};

/** Whether a process does everything, as one that is not told otherwise. */
export function hasAllRoles(roles: readonly RoleName[]): boolean {
  return ROLE_NAMES.every((name) => roles.includes(name));
}

/** Whether any of the roles translates ids of users. */
export function knowUsers(roles: readonly RoleName[]): boolean {
  return roles.some((name) => ROLES[name].knowsUsers);
}

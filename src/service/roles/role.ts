import type { HttpServer, MetricValues } from '#platform';
import type { Operation } from '#platform/api';

export const ROLE_NAMES = ['gateway', 'processors', 'responder', 'trainer', 'archive', 'operations'] as const;

export type RoleName = (typeof ROLE_NAMES)[number];

/** What a process may be started for. None keeps anything that it could not read from the log or the shared storage again. */
export type Role = {
  /** What it does, for people. */
  readonly does: string;
  /** Whether it translates ids of users, for which it has to open the vault. */
  readonly knowsUsers: boolean;
  /** Whether one process with the role works at a time, while the others wait to take its place. */
  readonly isExclusive: boolean;
  /** The routes that a process without the role does not have. */
  readonly operations: readonly Operation[];
};

/** A role at work in this process. */
export type RolePart = {
  readonly role: RoleName;
  /** Its routes, and what they wait for. */
  register(server: HttpServer): void | Promise<void>;
  /** What it is doing, for `/health/ready`. */
  state(): string;
  /** What it waits for before it can do its work; undefined once it can. */
  waitsFor?(): string | undefined;
  /** The values of its threads, beside those of the process. */
  metrics?(): Promise<readonly MetricValues[]>;
};

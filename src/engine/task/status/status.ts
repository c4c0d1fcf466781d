import { NO_WATERMARK } from '../../time/watermark.ts';
import type { OwnedTasks } from '../assignment/owned-tasks.ts';
import type { Fetching } from '../input/fetching.ts';
import type { RestoreStatus } from '../restore/restore-progress.ts';
import type { Task } from '../task.ts';

export type InputStatus = {
  readonly topic: string;
  readonly partition: number;
  /** The next offset to be processed. */
  readonly position: number;
  /** The stable end as of the last fetch; null before the first. */
  readonly end: number | null;
  /** Offsets between the two. */
  readonly lag: number | null;
};

/** Plain JSON. */
export type TaskStatus = {
  readonly name: string;
  readonly state: 'restoring' | 'running' | 'standby';
  readonly inputs: readonly InputStatus[];
  /** Null before anything is known. */
  readonly watermark: number | null;
  /** Present while the state is being restored, and for a standby. */
  readonly restore?: RestoreStatus;
};

/** Plain JSON: what one member of the group is doing. */
export type RuntimeStatus = {
  readonly memberId: string;
  readonly isRebalancing: boolean;
  /** Fetched and not yet processed. */
  readonly bufferedBytes: number;
  /** Duration of the last commit; null before the first. */
  readonly commitMs: number | null;
  readonly tasks: readonly TaskStatus[];
};

export function taskStatus(tasks: OwnedTasks, fetching: Fetching): TaskStatus[] {
  const idle = { inputs: [], watermark: null };
  return [
    ...tasks.running.map((task) => running(task, fetching)),
    ...tasks.openings.map(({ name, progress }): TaskStatus => {
      return { name, state: 'restoring', ...idle, restore: progress.status };
    }),
    ...tasks.standbys.map(({ name, progress }): TaskStatus => {
      return { name, state: 'standby', ...idle, restore: progress };
    }),
  ];
}

function running({ name, partition, input }: Task, fetching: Fetching): TaskStatus {
  const inputs = input.partitions.map(({ node, position }): InputStatus => {
    const place = { topic: node.topic.name, partition };
    const end = fetching.end(place) ?? null;
    return { ...place, position, end, lag: end === null ? null : Math.max(0, end - position) };
  });
  const watermark = input.watermark === NO_WATERMARK ? null : input.watermark;
  return { name, state: 'running', inputs, watermark };
}

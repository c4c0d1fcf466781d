/** What measured values mean: room on a disk, the latency of fsync, the difference of two clocks. */
import { type Finding, ok, problem, warning } from './finding.ts';

/** Beyond it a commit is held up noticeably. */
const SLOW_SYNC_MS = 50;
/** HTTP tells whole seconds. */
const SKEW_MS = 2_500;

export function roomCheck(free: number, reserveMb: number): Finding {
  const [freeMb, says] = [free / 1_000_000, `${Math.floor(free / 1_000_000)} MB are free.`];
  if (freeMb < reserveMb)
    return problem('disk', says, `Events are refused below ${reserveMb} MB (disk.reserveMb): make room.`);
  if (freeMb < 3 * reserveMb)
    return warning('disk', says, `Make room: events are refused below ${reserveMb} MB.`);
  return ok('disk', says);
}

export function syncFinding(times: readonly number[]): Finding {
  const ms = [...times].sort((a, b) => a - b)[times.length >> 1] ?? 0;
  const says = `A write is durable after ${ms.toFixed(1)} ms (median of ${times.length}).`;
  return ms < SLOW_SYNC_MS
    ? ok('fsync', says)
    : warning('fsync', says, 'Commits wait for it: use a faster disk, or find out who else uses it.');
}

export function clockCheck(whose: string, theirs: number, ours: number): Finding {
  const skewMs = theirs - ours;
  const says = `This clock and that of ${whose} differ by ${(Math.abs(skewMs) / 1_000).toFixed(1)} s.`;
  return Math.abs(skewMs) <= SKEW_MS
    ? ok('clock', says)
    : problem('clock', says, 'Let chrony or ntpd set both clocks: events from the future are refused.');
}

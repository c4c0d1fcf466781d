/** What others are told: of a step in the life of a version, or of a run of a job. */
import { errorOfJobRun } from '#jobs';
import type { JobRun, Version } from '#schemas';

export type Notice = {
  /** Names it for good: what is delivered twice has the same. */
  readonly id: string;
  /** Such as `version.promoted` and `job.failed`. */
  readonly event: string;
  /** One line of plain text. */
  readonly subject: string;
  /** The same in Slack's format. */
  readonly slack: string;
  /** The body for programs. */
  readonly body: Readonly<Record<string, unknown>>;
};

export function versionNotice(step: Version): Notice {
  const { version, status, ts, reason, actor, previous, gates, candidate, command_id } = step;
  const { model, role, snapshot_id, run_id, metrics } = candidate;
  const [id, event] = [`${command_id}:${version}:${status}`, `version.${status}`];
  const inWords = (code: (text: string) => string) =>
    [
      `version ${code(version)} (${model}, ${role})`,
      ...(previous === null ? [] : [`in place of ${code(previous)}`]),
      ...(actor === null ? [] : [`by ${actor}`]),
      ...(reason === null ? [] : [`because ${reason}`]),
    ].join(' ');
  const told = { version, status, reason, actor, previous, model, role, snapshot_id, run_id, metrics, gates };
  return { id, event, ...inBoth(status.replace('_', ' '), inWords), body: { id, event, ts, ...told } };
}

export function jobNotice(run: JobRun): Notice {
  const { run_id, job, status, ts, trigger, cause, attempts, outcome, error_code, error } = run;
  const [id, event] = [`${run_id}:${status}`, `job.${status}`];
  const failure = errorOfJobRun(run);
  const what = failure === undefined ? outcome : `${failure.code}: ${failure.message}`;
  const inWords = (code: (text: string) => string) =>
    `job ${code(job)}, run ${code(run_id)}${what === '' ? '' : `: ${what}`}`;
  const told = { job, run_id, status, trigger, cause, attempts, outcome, error_code, error };
  return { id, event, ...inBoth(status, inWords), body: { id, event, ts, ...told } };
}

function inBoth(
  status: string,
  inWords: (code: (text: string) => string) => string,
): Pick<Notice, 'subject' | 'slack'> {
  return {
    subject: `${status}: ${inWords((text) => text)}`,
    slack: forSlack(`*${status}*: ${inWords((text) => `\`${text}\``)}`),
  };
}

/** Slack reads &, < and > as its own. */
function forSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

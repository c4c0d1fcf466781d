/** What is posted of a step in the life of a version, and how it is signed. */
import { createHmac } from 'node:crypto';
import type { Version } from '#schemas';

export type NotificationFormat = 'json' | 'slack';

/** Names a step for good: what is delivered twice has the same. */
export function deliveryId({ command_id, version, status }: Version): string {
  return `${command_id}:${version}:${status}`;
}

export function bodyOf(step: Version, format: NotificationFormat): string {
  return JSON.stringify(format === 'slack' ? { text: inWords(step) } : eventOf(step));
}

function eventOf(step: Version) {
  const { version, status, ts, reason, actor, previous, gates, candidate } = step;
  const { model, role, snapshot_id, run_id, metrics } = candidate;
  return {
    id: deliveryId(step),
    event: `version.${status}`,
    ts,
    version,
    status,
    reason,
    actor,
    previous,
    model,
    role,
    snapshot_id,
    run_id,
    metrics,
    gates,
  };
}

/** Slack reads &, < and > as its own. */
function inWords({ version, status, actor, reason, previous, candidate }: Version): string {
  const parts = [
    `*${status.replace('_', ' ')}*: version \`${version}\` (${candidate.model}, ${candidate.role})`,
    ...(previous === null ? [] : [`in place of \`${previous}\``]),
    ...(actor === null ? [] : [`by ${actor}`]),
    ...(reason === null ? [] : [`because ${reason}`]),
  ];
  return parts.join(' ').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/**
 * `sha256=` and the HMAC-SHA256, in hexadecimal digits, of the time in seconds, a dot, and the body as sent. Who checks it
 * also compares the time with their clock, so that nobody can send an old one again.
 */
export function signatureOf(secret: string, timestamp: string, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { writeRecords } from '#engine';
import { createMetrics, errorCode } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import type { JobRun } from '#schemas';
import { makeCertificate } from '#servers';
import { openRegistryWorld } from '#versions/testing';
import { type MailOptions, openMail } from './channels/mail.ts';
import { jobNotice } from './notice.ts';
import { notify } from './notifier.ts';
import { type ReceiverOptions, smtpReceiver } from './testing/smtp-receiver.ts';

const credentials = { user: 'millrace', password: 'pässword' };
const run: JobRun = {
  run_id: 'r1',
  ts: 0,
  job: 'verification',
  trigger: 'cron',
  cause: '0 2 * * *',
  status: 'failed',
  attempts: 1,
  created: 0,
  started: 0,
  ended: 0,
  owner: 'main',
  counted: [],
  outcome: '',
  error_code: 'MR_JOB_VERIFICATION',
  error: 'Not what it is derived from: interactions-0.',
};
const notice = jobNotice(run);

/** A channel to a server of its own. */
async function mailing(t: TestContext, receiving: ReceiverOptions, changes: Partial<MailOptions> = {}) {
  const { port, several } = await smtpReceiver(t, receiving);
  const scheme = receiving.tlsFirst === true ? 'smtps' : 'smtp';
  const channel = await openMail({
    server: `${scheme}://127.0.0.1:${port}`,
    startTls: 'off',
    from: 'millrace@example.com',
    to: ['ops@example.com', 'lead@example.com'],
    ...changes,
  });
  t.after(() => channel.close());
  const signal = new AbortController().signal;
  return { several, deliver: () => channel.deliver(notice, signal), channel };
}

describe('mail', { timeout: 180_000 }, () => {
  it('goes to all recipients as text, under an id of its own', async (t) => {
    const { deliver, several } = await mailing(t, {});
    await deliver();
    const [{ from, to, message, isEncrypted } = assert.fail()] = await several(1);
    assert.deepEqual(
      [from, to, isEncrypted],
      ['millrace@example.com', ['ops@example.com', 'lead@example.com'], false],
    );
    const unfolded = message.replaceAll(/\r\n[ \t]/g, ' ').replaceAll('=\r\n', '');
    assert.match(
      unfolded,
      /^Subject: \[millrace\] failed: job verification, run r1: MR_JOB_VERIFICATION: Not what it is derived from: interactions-0\.\r$/m,
    );
    assert.match(unfolded, /^Message-ID: <r1%3Afailed@millrace>\r$/im);
    assert.match(unfolded, /"job": "verification"/);
  });

  it('is encrypted by STARTTLS or from the first byte, and authenticated', async (t) => {
    const certificate = await makeCertificate(temporaryDirectory(t));
    const ca = certificate.certificate;
    const login = { username: credentials.user, password: credentials.password };
    for (const tlsFirst of [false, true]) {
      const options = { certificate, credentials, tlsFirst };
      const { deliver, several } = await mailing(t, options, { ...login, ca, startTls: 'required' });
      await deliver();
      const [{ isEncrypted, user } = assert.fail()] = await several(1);
      assert.deepEqual([isEncrypted, user], [true, 'millrace']);
    }
  });

  it('is not sent to a server without TLS where that is required, or whose certificate nobody vouches for', async (t) => {
    const certificate = await makeCertificate(temporaryDirectory(t));
    const plain = await mailing(t, {}, { startTls: 'required' });
    await assert.rejects(plain.deliver(), { code: 'MR_NOTIFICATION_UNDELIVERED' });
    const unknown = await mailing(t, { certificate }, { startTls: 'required' });
    await assert.rejects(unknown.deliver(), { code: 'MR_NOTIFICATION_UNDELIVERED', message: /self-signed/ });
  });

  it('is tried again where the server is away, busy, or does not know the password; refused for good otherwise', async (t) => {
    const codeOf = async (receiving: ReceiverOptions, changes: Partial<MailOptions> = {}) => {
      const { deliver } = await mailing(t, receiving, changes);
      return deliver().then(() => 'delivered', errorCode);
    };
    assert.equal(await codeOf({}, { server: 'smtp://127.0.0.1:1' }), 'MR_NOTIFICATION_UNDELIVERED');
    assert.equal(await codeOf({ answers: { MAIL: ['451 busy'] } }), 'MR_NOTIFICATION_UNDELIVERED');
    const wrong = { username: credentials.user, password: 'wrong' };
    assert.equal(await codeOf({ credentials }, wrong), 'MR_NOTIFICATION_UNDELIVERED');
    assert.equal(await codeOf({ answers: { MAIL: ['550 not you'] } }), 'MR_NOTIFICATION_REFUSED');
    assert.equal(await codeOf({ answers: { RCPT: ['550 who?', '550 who?'] } }), 'MR_NOTIFICATION_REFUSED');
    assert.equal(await codeOf({ answers: { DATA: ['554 spam'] } }), 'MR_NOTIFICATION_REFUSED');
    assert.equal(await codeOf({ answers: { RCPT: ['550 who?'] } }), 'delivered', 'one of two is told');
  });

  it('wants the file of its authority to be there', async () => {
    const ca = join('/nowhere', 'ca.pem');
    const options = { server: 'smtp://127.0.0.1:1', startTls: 'off', from: 'a@b', to: ['a@b'], ca } as const;
    await assert.rejects(openMail(options), { code: 'MR_NOTIFICATION_CA' });
  });

  it('tells of what happens after its first start, and again what the server was too busy for', async (t) => {
    const world = await openRegistryWorld(t, { isProcessed: false });
    const { channel, several } = await mailing(t, { answers: { MAIL: ['451 busy', '421 busy'] } });
    const metrics = createMetrics();
    const stopping = new AbortController();
    const statuses = { statuses: [], jobStatuses: ['failed'] } as const;
    const options = { ...world, ...statuses, instanceId: 'main', channel, metrics, firstPauseMs: 5 };
    const running = notify(options, stopping.signal);
    world.users.push(async () => {
      stopping.abort();
      await running;
    });
    const at = { topic: 'job-runs', partition: 0 };
    while ((await world.log.committedOffsets('notifications-mail', [at]))[0] == null)
      await world.clock.sleep(5);
    await writeRecords(world.log, world.topics['job-runs'], [{ key: 'r1', value: run, timestamp: 0 }]);
    await several(1);
    while (!/notifications_total\{outcome="delivered"\} 1/.test(await metrics.render()))
      await world.clock.sleep(5);
    assert.match(await metrics.render(), /notifications_total\{outcome="failed"\} 2/);
  });
});

/** The options of the web hook and the mail that tell what happens to versions and jobs. */
import { credentials, option, receiver, text, token, z } from '#platform/configuration';

const EXPECTED =
  'http://... or https://... without a user; that a notification is ours is told by notifications.secret';

export const NOTIFICATIONS_OPTIONS = {
  notifications: {
    url: option(receiver(EXPECTED).optional(), { isSecret: true, isRenewed: true })`
      Where changes of versions and ends of jobs are posted; nowhere by default.`,
    format: option(z.enum(['json', 'slack']).default('json'))`
      What is posted: the event as JSON, or a message in the format of Slack’s incoming webhooks.`,
    secret: option(token().optional(), { isSecret: true, isRenewed: true })`
      Key of the signature (HMAC-SHA256) in the header x-millrace-signature, at least 16 characters; required for
      \`json\`.`,
    statuses: option(
      z
        .array(
          z.enum(['registered', 'evaluated', 'staged', 'promoted', 'rejected', 'rolled_back', 'archived']),
        )
        .default(['promoted', 'rejected', 'rolled_back']),
    )`
      The statuses of a version that are told.`,
    jobs: option(z.array(z.enum(['succeeded', 'failed', 'skipped', 'cancelled'])).default(['failed']))`
      The statuses of a run of a job that are told.`,
  },
  mail: {
    server: option(
      z
        .string()
        .regex(/^smtps?:\/\/[^@/]+\/?$/, 'smtp://HOST:PORT or smtps://HOST:PORT, without a user')
        .optional(),
    )`
      The SMTP server by which the same is mailed: \`smtp://HOST:587\`, which turns to TLS by STARTTLS, or
      \`smtps://HOST:465\`; nothing is mailed by default.`,
    startTls: option(z.enum(['required', 'off']).default('required'))`
      Whether a server of \`smtp://\` that offers no STARTTLS is refused.`,
    ca: option(text().optional())`
      PEM file of the authority that signed the server’s certificate; the system’s authorities by default.`,
    ...credentials('the mail server'),
    from: option(text().optional())`Address of the sender; required for mail.`,
    to: option(z.array(z.string().regex(/^[^@\s]+@[^@\s]+$/, 'name@host')).default([]))`
      Addresses of the recipients; required for mail.`,
  },
};

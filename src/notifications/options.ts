/** The options of the web hook that is told what happens to versions. */
import { option, receiver, token, z } from '#platform/configuration';

const EXPECTED =
  'http://... or https://... without a user; that a notification is ours is told by notifications.secret';

export const NOTIFICATIONS_OPTIONS = {
  notifications: {
    url: option(receiver(EXPECTED).optional(), { isSecret: true })`
      Where changes of versions are posted; nowhere by default.`,
    format: option(z.enum(['json', 'slack']).default('json'))`
      What is posted: the event as JSON, or a message in the format of Slack’s incoming webhooks.`,
    secret: option(token().optional(), { isSecret: true })`
      Key of the signature (HMAC-SHA256) in the header x-millrace-signature, at least 16 characters; required for
      \`json\`.`,
    statuses: option(
      z
        .array(
          z.enum(['registered', 'evaluated', 'staged', 'promoted', 'rejected', 'rolled_back', 'archived']),
        )
        .default(['promoted', 'rejected', 'rolled_back']),
    )`
      The statuses of a version that are posted.`,
  },
};

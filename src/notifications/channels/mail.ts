import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { ConfigurationError, errorCode } from '#platform';
import type { Notice } from '../notice.ts';
import type { Channel } from './port.ts';
import { refused, undelivered } from './refusals.ts';

export type MailOptions = {
  /** `smtp://HOST:PORT` or, with TLS from the first byte, `smtps://HOST:PORT`. */
  readonly server: string;
  /** Whether a server without STARTTLS is refused. */
  readonly startTls: 'required' | 'off';
  /** PEM file of the authority that signed the server's certificate; the system's authorities where it is undefined. */
  readonly ca?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly from: string;
  readonly to: readonly string[];
};

const TIMEOUT_MS = 10_000;
const PORTS: Readonly<Record<string, number>> = { 'smtp:': 587, 'smtps:': 465 };

/** Sends notices as plain text through an SMTP server. Errors: ConfigurationError MR_NOTIFICATION_CA. */
export async function openMail(options: MailOptions): Promise<Channel> {
  // Most processes send none.
  const { createTransport } = await import('nodemailer');
  const { from, to } = options;
  const transport = createTransport(transportOptions(options));
  return {
    group: 'notifications-mail',
    deliver: async (notice, signal) => {
      const message = {
        from,
        to: [...to],
        subject: `[millrace] ${notice.subject}`,
        text: textOf(notice),
        // The same for what is sent twice.
        messageId: `<${encodeURIComponent(notice.id)}@millrace>`,
      };
      const sending = transport.sendMail(message).catch((error: unknown) => {
        throw judged(error);
      });
      sending.catch(() => {});
      await Promise.race([sending, aborted(signal)]);
    },
    close: () => transport.close(),
  };
}

function transportOptions({ server, startTls, ca, username, password }: MailOptions) {
  const { protocol, hostname, port } = new URL(server);
  const host = hostname.replace(/^\[|\]$/g, '');
  const secure = protocol === 'smtps:';
  return {
    host,
    port: port === '' ? (PORTS[protocol] ?? 0) : Number(port),
    secure,
    requireTLS: !secure && startTls === 'required',
    ignoreTLS: !secure && startTls === 'off',
    tls: { ...(ca !== undefined && { ca: readCa(ca) }), ...(isIP(host) === 0 && { servername: host }) },
    ...(username !== undefined && { auth: { user: username, pass: password ?? '' } }),
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

function readCa(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new ConfigurationError('MR_NOTIFICATION_CA', `The file of mail.ca, ${path}, cannot be read.`, {
      hint: 'Name a PEM file with the certificate of the authority.',
      cause,
    });
  }
}

function textOf({ subject, body }: Notice): string {
  return `${subject}\n\n${JSON.stringify(body, undefined, 2)}\n`;
}

/** A server that refuses a message or its recipients does so again; everything else may pass, a wrong password too. */
function judged(error: unknown): Error {
  const code = errorCode(error) ?? '';
  const { responseCode = 0, message = '' } = error as { responseCode?: number; message?: string };
  if (responseCode >= 500 && ['EENVELOPE', 'EMESSAGE'].includes(code)) {
    return refused(`${responseCode}`, 'Correct mail.from or mail.to, or ask who runs the mail server.');
  }
  return undelivered(
    `cannot be reached by mail (${[code, message].filter((part) => part !== '').join(': ')})`,
    error,
  );
}

function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(signal.reason);
  else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return promise;
}

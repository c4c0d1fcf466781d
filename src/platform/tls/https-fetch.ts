/** `fetch` with a trust of one's own: Node's takes the authorities of the system alone. */
import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, TLSSocket } from 'node:tls';
import type { CertificateContents } from './certificate.ts';

/** Whom a client believes, and what it shows of itself. */
export type Trust = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'allowPartialTrustChain' | 'checkServerIdentity'
>;

/** Between two attempts at a connection whose server shows a certificate that is not trusted yet, ms. */
const RETRY_MS = 50;

type HttpsFetchOptions = {
  /**
   * How long a connection is attempted again while it fails for want of trust, ms: where client and server follow the same
   * files, one of them sees a renewal first. Nothing has been sent on such a connection.
   */
  readonly renewalMs?: number;
};

/** Calls `trust` for each connection, so that what is renewed counts from the next one on. */
export function httpsFetch(trust: () => Trust, { renewalMs = 0 }: HttpsFetchOptions = {}): typeof fetch {
  let opened: Promise<typeof fetch> | undefined;
  return async (...request) => {
    opened ??= open(trust, renewalMs);
    return (await opened)(...request);
  };
}

async function open(trust: () => Trust, renewalMs: number): Promise<typeof fetch> {
  // Loaded when needed: most processes have no use for it.
  const { Agent, buildConnector, fetch: fetchBy } = await import('undici');
  const dispatcher = new Agent({
    connect: (options, callback) => {
      let retries = Math.ceil(renewalMs / RETRY_MS);
      const failed = (error: Error, isMistrusted: boolean) => {
        if (!isMistrusted || retries === 0) return callback(error, null);
        retries -= 1;
        setTimeout(attempt, RETRY_MS);
      };
      const attempt = () => {
        let trusted: Trust;
        try {
          trusted = trust();
        } catch (error) {
          return failed(error as Error, true);
        }
        const socket: unknown = buildConnector(trusted)(options, (error, connected) => {
          if (error === null) callback(null, connected as Socket);
          else failed(error, socket instanceof TLSSocket && socket.authorizationError != null);
        });
      };
      attempt();
    },
  });
  const own = fetchBy as unknown as (input: unknown, init: object) => Promise<Response>;
  return (input, init = {}) => own(input, { ...init, dispatcher });
}

/**
 * Trusts the holder of this certificate alone, under whatever name it is reached: a process that reads the certificate where
 * the server does knows whom it asks, also at 127.0.0.1, for which no authority signs.
 */
export function trustingOnly(certificate: string): Trust {
  const { fingerprint256 } = new X509Certificate(certificate);
  return {
    ca: certificate,
    allowPartialTrustChain: true,
    checkServerIdentity: (host, shown) =>
      shown.fingerprint256 === fingerprint256 ? undefined : checkServerIdentity(host, shown),
  };
}

/** Trusts whom the authority has signed, and shows that it has signed us. */
export function asPeer({ certificate, key, authority }: CertificateContents): Trust {
  return { cert: certificate, key, ...(authority !== undefined && { ca: authority }) };
}

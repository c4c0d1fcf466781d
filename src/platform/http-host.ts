/**
 * A page whose name has been pointed at this machine (DNS rebinding) reads what is served here from the browser of whoever
 * opens it. Its requests name the page's host: addresses cannot be pointed elsewhere, names can.
 */
import { isIP } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { InputError } from './errors.ts';
import type { ValuesOf } from './option.ts';
import type { PLATFORM_OPTIONS } from './options.ts';

/**
 * The hosts that requests may be for: addresses, `localhost`, the advertised one, and those of http.allowedHosts; where none
 * are listed and the server listens beyond this machine, any.
 */
export function allowedHosts({
  host,
  advertised,
  allowedHosts,
}: Pick<ValuesOf<typeof PLATFORM_OPTIONS>['http'], 'host' | 'advertised' | 'allowedHosts'>): (
  name: string,
) => boolean {
  const isLocal = /^(localhost|127\.[\d.]+|::1)$/.test(host);
  if (!isLocal && allowedHosts.length === 0) return () => true;
  const own = advertised === undefined ? [] : [new URL(advertised).hostname];
  const names = new Set(['localhost', host, ...own, ...allowedHosts].map((name) => name.toLowerCase()));
  return (name) => names.has(name) || name.endsWith('.localhost') || isIP(name) !== 0;
}

/** Refuses them with MR_HTTP_HOST (421). */
export function refuseOtherHosts(routes: FastifyInstance, allows: (host: string) => boolean): void {
  routes.addHook('onRequest', async ({ headers: { host } }) => {
    // HTTP/1.0 knows no such header, and browsers send it.
    if (host === undefined || allows(hostname(host))) return;
    throw new InputError('MR_HTTP_HOST', `This server does not serve the host ${JSON.stringify(host)}.`, {
      hint: "Use the server's address, or list the host in option http.allowedHosts.",
    });
  });
}

/** Without port and brackets. */
function hostname(host: string): string {
  const [, bracketed, plain = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host.toLowerCase()) ?? [];
  return bracketed ?? plain.replace(/\.$/, '');
}

/** The options of credentials and limits. */
import { ConfigurationError } from '#platform';
import { address, onOff, option, text, token, type ValuesOf, whole, z } from '#platform/configuration';

export const ACCESS_OPTIONS = {
  token: option(token().optional(), { isSecret: true, isRenewed: true })`
    API key or token that commands send to the server of the data directory, where they ask it. The value of
    \`admin.token\` by default.`,
  access: {
    loopback: option(z.enum(['open', 'token']).default('open'))`
      Whether requests from this machine, without a proxy, need no token while the server listens on a loopback address.
      Promoting, training and privacy need one in any case.`,
    insecure: option(onOff().default('off'))`
      Whether requests need no token although the server listens beyond this machine, except for promoting, training and
      privacy; \`--insecure\` turns it on.`,
  },
  jwt: {
    issuer: option(text().optional())`
      Issuer of JSON web tokens that are accepted, as their claim \`iss\` has it. Requires the next two.`,
    audience: option(text().optional())`What their claim \`aud\` must contain.`,
    jwks: option(text().optional())`
      The issuer's public keys (JWKS): an https address, http for loopback addresses only, or a file. They are read
      again every minute, a file every five seconds, and when a token names a key that is not among them.`,
    rolesClaim: option(text().default('roles'))`
      Claim with roles and rights, as a list or separated by spaces; a token without any is of its subject, a user.`,
  },
  limits: {
    client: option(whole().default(0))`
      Requests a minute of one API key or, without a valid token, of one address; 0 for any number.`,
    user: option(
      whole().default(0),
    )`Requests a minute of one user with tokens of their own; 0 for any number.`,
    routes: option(z.record(z.string(), whole()).default({}))`
      Requests a minute of each caller to single routes, by operation id: \`{"recommendMany": 60}\`.`,
    store: option(address('memory', 'redis', 'rediss'))`
      Where requests are counted: in each process, or for all of them in Redis, as \`redis://host:6379/database\`; user and
      password are those of \`redis.username\` and \`redis.password\`.`,
  },
};

/** Errors: ConfigurationError MR_CONFIG_CONTRADICTION for options of jwt that require each other. */
export function requireSoundAccess({ jwt }: Pick<ValuesOf<typeof ACCESS_OPTIONS>, 'jwt'>): void {
  const { issuer, audience, jwks } = jwt;
  const given = Object.entries({ issuer, audience, jwks }).filter(([, value]) => value !== undefined);
  if (given.length === 0 || given.length === 3) return;
  const named = given.map(([name]) => `jwt.${name}`).join(' and ');
  throw new ConfigurationError(
    'MR_CONFIG_CONTRADICTION',
    `${named} ${given.length === 1 ? 'is' : 'are'} set without the other two of jwt.issuer, jwt.audience and jwt.jwks: a token could not be checked.`,
    { hint: 'Set all three, or none.' },
  );
}

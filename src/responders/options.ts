/** The options of where answers find the rows of users. */
import { address, credentials, option } from '#platform/configuration';

export const RESPONDERS_OPTIONS = {
  views: option(address('in-process', 'redis', 'rediss'))`
    Where the rows of users are kept for answers: \`in-process\`, or \`redis://host:6379/database?namespace=NAME\`,
    \`rediss://\` for TLS.`,
  redis: credentials('Redis'),
};

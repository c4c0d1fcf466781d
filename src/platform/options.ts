/** The options of every process: its data directory, its HTTP server and its log lines. */
import { logLevels } from './logger.ts';
import { option, receiver, text, token, z } from './option.ts';

export const PLATFORM_OPTIONS = {
  data: option(text().default('.millrace'))`Data directory, relative to the working directory.`,
  http: {
    host: option(text().default('127.0.0.1'))`Address that the HTTP server listens on.`,
    allowedHosts: option(z.array(text()).default([]))`
      Host names (header Host) that the server answers to, besides IP addresses, \`localhost\` and the advertised name;
      requests for others are refused, which stops pages that point their own name at this machine. When the server
      listens beyond this machine and no names are listed, any is accepted.`,
    port: option(z.int().min(0).max(65_535).default(8080))`Port of the HTTP server; 0 takes a free one.`,
    advertised: option(receiver('http(s)://host:port, without a user').optional())`
      Address at which other processes on the same log query this one's stores; by default \`http://host:port\` of the
      two above. None with port 0, or when the host is 0.0.0.0 or ::, at which no other process can reach it.`,
  },
  logging: {
    level: option(z.enum(logLevels).default('warn'))`Least severe level that is written to standard error.`,
  },
  admin: {
    token: option(token().optional(), { isSecret: true })`
      Bearer token for requests under /admin and for PUT /users/USER/privacy, at least 16 characters; without one, they
      are refused.`,
  },
};

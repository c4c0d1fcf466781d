/** The options of every process: its data directory, its HTTP server and its log lines. */
import { logLevels } from './logger.ts';
import { onOff, option, receiver, text, token, z } from './option.ts';

/** Leaves room below the limits of file systems for the files in it. */
const LONGEST_PATH = 1_000;

export const PLATFORM_OPTIONS = {
  profile: option(z.enum(['dev', 'staging', 'prod']).optional())`
    Profile, whose file is read over the configuration file, such as \`millrace.config.prod.json\`. With \`prod\`, a start
    refuses what is not fit for production: see docs/SECURITY.md. \`--profile\` chooses it, too.`,
  data: option(
    z.string().min(1).max(LONGEST_PATH).default('.millrace'),
  )`Data directory, relative to the working directory.`,
  http: {
    host: option(text().default('127.0.0.1'))`Address that the HTTP server listens on.`,
    allowedHosts: option(z.array(text()).default([]))`
      Host names (header Host) that the server answers to, besides IP addresses, \`localhost\` and the advertised name;
      requests for others are refused, which stops pages that point their own name at this machine. When the server
      listens beyond this machine and no names are listed, any is accepted.`,
    port: option(z.int().min(0).max(65_535).default(8080))`Port of the HTTP server; 0 takes a free one.`,
    bodiesMb: option(z.number().min(2).default(32))`
      Bytes of request bodies that are worked on at a time, MB; what exceeds them is refused with 503, and with 429 where
      one client has half of them.`,
    advertised: option(receiver('http(s)://host:port, without a user').optional())`
      Address at which other processes on the same log query this one's stores; by default \`http://host:port\`, or
      https, of the two above. None with port 0, or when the host is 0.0.0.0 or ::, at which no other process can reach it.`,
    tlsCertificate: option(text().optional())`
      PEM file with the certificate of the HTTP server, followed by those between it and its authority; the server then
      speaks HTTPS only. A file that replaces it is used within seconds, without a restart.`,
    tlsKey: option(
      text().optional(),
    )`PEM file with the private key of http.tlsCertificate, without a password.`,
    tlsAuthority: option(text().optional())`
      PEM file with the certificate of an authority of your own. Processes on the same log then show each other
      certificates that it has signed (mutual TLS), which are to name the hosts of http.advertised.`,
    proxyTls: option(onOff().default('off'))`
      Whether a proxy in front of the server terminates TLS, and nobody else reaches the server. Profile \`prod\` requires
      this statement where the server has no certificate.`,
    peerSecret: option(token().optional(), { isSecret: true, isRenewed: true })`
      Secret that processes on the same log share, at least 16 characters: they sign the queries that they send to each
      other by it. The value of \`admin.token\` by default.`,
    origins: option(z.array(receiver('an origin, such as https://shop.example')).default([]))`
      Origins whose pages may call this server from a browser (CORS); none by default.`,
  },
  logging: {
    level: option(z.enum(logLevels).default('warn'))`Least severe level that is written to standard error.`,
  },
  tracing: {
    endpoint: option(receiver('http(s)://host:port, without a user').optional())`
      Address of an OpenTelemetry collector that takes traces by OTLP over HTTP, such as \`http://127.0.0.1:4318\`; nothing
      is traced without one.`,
    sample: option(z.number().min(0).max(1).default(0.01))`
      Share of the requests that are traced, 0 to 1. A request with a header traceparent is traced if that says so.`,
    service: option(text().default('millrace'))`Name of this process in traces.`,
    authorization: option(text().optional(), { isSecret: true })`
      Header authorization of what is sent to the collector.`,
  },
  admin: {
    token: option(token().optional(), { isSecret: true, isRenewed: true })`
      A bearer token with all rights, at least 16 characters. API keys and JSON web tokens are better where there are
      several people or programs: see docs/SECURITY.md.`,
  },
};

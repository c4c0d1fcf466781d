/** An SMTP server for tests: it speaks as RFC 5321 has it, with STARTTLS and AUTH, and keeps what it is given. */
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { TLSSocket } from 'node:tls';
import { eventually } from '#platform/testing';
import type { CertificatePaths } from '#servers';

export type Mailed = {
  readonly from: string;
  readonly to: readonly string[];
  readonly message: string;
  readonly isEncrypted: boolean;
  readonly user: string | undefined;
};

export type ReceiverOptions = {
  /** STARTTLS is offered where there is one; with `tlsFirst`, TLS begins at once. */
  readonly certificate?: CertificatePaths;
  readonly tlsFirst?: boolean;
  readonly credentials?: { readonly user: string; readonly password: string };
  /** Answers instead of the usual ones, by command, each once. */
  readonly answers?: Record<string, string[]>;
};

export async function smtpReceiver(t: TestContext, options: ReceiverOptions = {}) {
  const received: Mailed[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    new Conversation(options, received).begin(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  const several = async (count: number) => {
    await eventually(() => received.length >= count);
    return received;
  };
  return { port: (server.address() as AddressInfo).port, several };
}

class Conversation {
  readonly #options: ReceiverOptions;
  readonly #received: Mailed[];
  #socket: Socket | undefined;
  #text = '';
  #isEncrypted = false;
  #user: string | undefined;
  #from = '';
  #to: string[] = [];
  #isData = false;

  constructor(options: ReceiverOptions, received: Mailed[]) {
    this.#options = options;
    this.#received = received;
  }

  begin(socket: Socket): void {
    if (this.#options.tlsFirst === true) this.#encrypt(socket);
    else this.#listen(socket);
    this.#say('220 test ESMTP');
  }

  #listen(socket: Socket): void {
    this.#socket = socket;
    socket.setEncoding('latin1').on('data', (chunk: string) => this.#take(chunk));
    socket.on('error', () => {});
  }

  #encrypt(socket: Socket): void {
    const { certificate } = this.#options;
    if (certificate === undefined) throw new Error('no certificate');
    socket.removeAllListeners('data');
    const [key, cert] = [readFileSync(certificate.key), readFileSync(certificate.certificate)];
    this.#isEncrypted = true;
    this.#listen(new TLSSocket(socket, { isServer: true, key, cert }));
  }

  #say(line: string): void {
    this.#socket?.write(`${line}\r\n`);
  }

  #take(chunk: string): void {
    this.#text += chunk;
    for (;;) {
      const end = this.#isData ? '\r\n.\r\n' : '\r\n';
      const at = this.#text.indexOf(end);
      if (at < 0) return;
      const taken = this.#text.slice(0, at);
      this.#text = this.#text.slice(at + end.length);
      if (this.#isData) this.#finish(taken);
      else this.#answer(taken);
    }
  }

  #finish(message: string): void {
    this.#isData = false;
    const [from, to, user] = [this.#from, this.#to, this.#user];
    this.#received.push({ from, to, message, isEncrypted: this.#isEncrypted, user });
    this.#say('250 taken');
  }

  #answer(line: string): void {
    const [verb = '', ...rest] = line.split(' ');
    const command = verb.toUpperCase();
    const given = this.#options.answers?.[command]?.shift();
    if (given !== undefined) {
      this.#say(given);
      return;
    }
    const { certificate, credentials } = this.#options;
    if (command === 'EHLO') {
      const canEncrypt = certificate !== undefined && !this.#isEncrypted;
      const offers = [
        ...(canEncrypt ? ['STARTTLS'] : []),
        ...(credentials ? ['AUTH PLAIN'] : []),
        'SMTPUTF8',
      ];
      this.#say(
        ['250-test', ...offers.map((each, n) => `250${n < offers.length - 1 ? '-' : ' '}${each}`)].join(
          '\r\n',
        ),
      );
    } else if (command === 'STARTTLS' && certificate === undefined) {
      this.#say('454 no TLS here');
    } else if (command === 'STARTTLS') {
      this.#say('220 go ahead');
      if (this.#socket !== undefined) this.#encrypt(this.#socket);
    } else if (command === 'AUTH') {
      const [, user, password] = Buffer.from(rest[1] ?? '', 'base64')
        .toString()
        .split('\0');
      const isRight = user === credentials?.user && password === credentials?.password;
      this.#user = isRight ? user : undefined;
      this.#say(isRight ? '235 welcome' : '535 wrong password');
    } else if (command === 'MAIL') {
      this.#from = addressIn(line);
      this.#to = [];
      this.#say('250 ok');
    } else if (command === 'RCPT') {
      this.#to.push(addressIn(line));
      this.#say('250 ok');
    } else if (command === 'DATA') {
      this.#isData = true;
      this.#say('354 go on');
    } else this.#say(command === 'QUIT' ? '221 bye' : '250 ok');
  }
}

const addressIn = (line: string) => /<(.*?)>/.exec(line)?.[1] ?? '';

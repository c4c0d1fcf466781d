/**
 * The load, in a process of its own: `node load.ts PORT TOKEN USERS K CONNECTIONS MS RATE`, where a rate of 0 asks again as soon as
 * an answer has come. Prints the ms of each answer as JSON: at a rate, from the moment at which its request was to be
 * sent, so that a service that holds up requests is charged for all that wait.
 */
import { connect, type Socket } from 'node:net';

const [, , ofService, token = '', ...parameters] = process.argv;
const port = Number(ofService);
const [users = 0, k = 0, connections = 0, forMs = 0, rate = 0] = parameters.map(Number);
const headers = `host: 127.0.0.1:${port}\r\nauthorization: Bearer ${token}`;
const HEAD_END = '\r\n\r\n';

/** One connection that is kept alive, with one request on its way at a time. */
class Connection {
  readonly #socket: Socket;
  #text = '';
  #answered: ((isWhole: boolean) => void) | undefined;
  #isClosed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (text) => this.#take(String(text)));
    socket.once('close', () => {
      this.#isClosed = true;
      this.#answered?.(false);
    });
  }

  static open(): Promise<Connection> {
    const socket = connect(port, '127.0.0.1');
    return new Promise((resolve, reject) => {
      socket.once('connect', () => resolve(new Connection(socket)));
      socket.once('error', reject);
    });
  }

  /** Whether the answer is whole: nothing that was to be in it was missing or late. */
  get(path: string): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false);
    this.#socket.write(`GET ${path} HTTP/1.1\r\n${headers}\r\n\r\n`);
    return new Promise((resolve) => {
      this.#answered = resolve;
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(text: string): void {
    this.#text += text;
    const head = this.#text.indexOf(HEAD_END);
    if (head < 0) return;
    const length = Number(/content-length: (\d+)/i.exec(this.#text)?.[1]);
    if (this.#text.length < head + HEAD_END.length + length) return;
    const isWhole = this.#text.startsWith('HTTP/1.1 200 ') && this.#text.includes('"degraded":null');
    this.#text = '';
    this.#answered?.(isWhole);
  }
}

let next = 0;
let failed = 0;
const samples: number[] = [];
const idle = await Promise.all(Array.from({ length: connections }, () => Connection.open()));
const all = [...idle];

async function ask(connection: Connection, since: number): Promise<void> {
  // Far from one user to the next, as users come.
  next = (next + 1_237) % users;
  const isWhole = await connection.get(`/recommend/u${next}?k=${k}`);
  samples.push(performance.now() - since);
  if (!isWhole) failed++;
}

const start = performance.now();
const until = start + forMs;
if (rate === 0) {
  await Promise.all(
    all.map(async (connection) => {
      while (performance.now() < until) await ask(connection, performance.now());
    }),
  );
} else {
  const count = Math.floor((forMs / 1e3) * rate);
  const waiting: number[] = [];
  const answers: Promise<void>[] = [];
  const send = () => {
    // In turn: a connection without a request is closed after ten seconds.
    for (let free = idle.shift(); free !== undefined; free = idle.shift()) {
      const due = waiting.shift();
      if (due === undefined) {
        idle.unshift(free);
        return;
      }
      const connection = free;
      answers.push(
        ask(connection, due).then(() => {
          idle.push(connection);
          send();
        }),
      );
    }
  };
  // A timer would be late by up to a ms: this process has a core of its own.
  for (let sent = 0; sent < count; ) {
    const due = start + (sent * 1e3) / rate;
    if (performance.now() >= due) {
      waiting.push(due);
      send();
      sent++;
    } else await new Promise(setImmediate);
  }
  while (waiting.length > 0) await new Promise(setImmediate);
  await Promise.all(answers);
}
const seconds = (performance.now() - start) / 1e3;
for (const connection of all) connection.close();
process.stdout.write(JSON.stringify({ samples, failed, seconds }));

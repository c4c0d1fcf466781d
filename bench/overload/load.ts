/**
 * The load, in a process of its own: `node load.ts PORT USERS K CONNECTIONS MS RATE`. At a rate of 0 each connection asks
 * again when it is answered; else requests begin when they are due, whatever the service does, as long as a connection is
 * free. Prints as JSON what came of them: ms of each answer of status 200, and how many were refused.
 */
import { connect } from 'node:net';

const [port = 0, users = 0, k = 0, connections = 0, forMs = 0, rate = 0] = process.argv.slice(2).map(Number);
const HEAD_END = '\r\n\r\n';

const samples: number[] = [];
const outcome = { refused: 0, degraded: 0, unsent: 0 };
const others: Record<string, number> = {};
let next = 0;

type Asking = (since: number, answered: () => void) => void;

/** One connection that is kept alive, with one request on its way at a time. */
async function opened(): Promise<Asking> {
  const socket = connect(port, '127.0.0.1');
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  socket.setNoDelay(true).setEncoding('latin1');
  let text = '';
  let since = 0;
  let answered = () => {};
  socket.on('data', (more) => {
    text += String(more);
    const head = text.indexOf(HEAD_END);
    if (head < 0) return;
    const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
    if (text.length < head + HEAD_END.length + length) return;
    const status = text.slice(9, 12);
    if (status === '200') {
      samples.push(performance.now() - since);
      if (!text.includes('"degraded":null')) outcome.degraded++;
    } else if (status === '503') outcome.refused++;
    else others[status] = (others[status] ?? 0) + 1;
    text = '';
    answered();
  });
  return (at, then) => {
    since = at;
    answered = then;
    // Far from one user to the next, as users come.
    next = (next + 1_237) % users;
    socket.write(`GET /recommend/u${next}?k=${k} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`);
  };
}

const idle = await Promise.all(Array.from({ length: connections }, opened));
const start = performance.now();
const until = start + forMs;
let underWay = 0;

function begin(ask: Asking, since: number): void {
  underWay++;
  ask(since, () => {
    underWay--;
    if (rate === 0 && performance.now() < until) begin(ask, performance.now());
    else idle.push(ask);
  });
}

if (rate === 0) for (const ask of idle.splice(0)) begin(ask, performance.now());
for (let sent = 0; performance.now() < until; ) {
  const now = performance.now();
  for (; rate > 0 && sent < ((now - start) * rate) / 1e3; sent++) {
    const ask = idle.pop();
    if (ask === undefined) outcome.unsent++;
    else begin(ask, start + (sent * 1e3) / rate);
  }
  await new Promise(setImmediate);
}
const seconds = (performance.now() - start) / 1e3;
while (underWay > 0) await new Promise(setImmediate);
process.stdout.write(JSON.stringify({ samples, ...outcome, others, seconds }), () => process.exit());

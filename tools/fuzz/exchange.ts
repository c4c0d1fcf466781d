/** One connection to the server: what was sent, and what came of it. */
import { connect } from 'node:net';

export type Answer = { readonly status: number; readonly body: string };

export type Exchange =
  | { readonly outcome: 'closed'; readonly answers: readonly Answer[] }
  /** Neither an answer to a whole request nor an end of the connection came in time. */
  | { readonly outcome: 'hangs' }
  | { readonly outcome: 'refused' };

/** Sends the bytes and reads until the server closes the connection. After bytes that wait for more, this side ends it. */
export function exchange(port: number, bytes: Buffer, withinMs: number): Promise<Exchange> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    const late = setTimeout(() => {
      // The server waits longer than this for the rest of a truncated request.
      const answers = answersIn(Buffer.concat(chunks));
      resolve(answers.length > 0 || !isWhole(bytes) ? { outcome: 'closed', answers } : { outcome: 'hangs' });
      socket.destroy();
    }, withinMs);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(late);
      const answers = answersIn(Buffer.concat(chunks));
      const neverOpened = socket.bytesWritten === 0 && bytes.length > 0;
      resolve(neverOpened ? { outcome: 'refused' } : { outcome: 'closed', answers });
    });
    if (isWhole(bytes)) socket.write(bytes);
    else socket.write(bytes, () => setTimeout(() => socket.destroy(), 20));
  });
}

/** Whether a request of the bytes is complete, as far as its headers tell. */
function isWhole(bytes: Buffer): boolean {
  const text = bytes.toString('latin1');
  const head = text.indexOf('\r\n\r\n');
  if (head < 0) return false;
  if (/^transfer-encoding|^expect|^upgrade/im.test(text.slice(0, head))) return false;
  const length = /^content-length: (.*)$/im.exec(text.slice(0, head))?.[1];
  return length === undefined || !/^\d+$/.test(length) || bytes.length >= head + 4 + Number(length);
}

function answersIn(bytes: Buffer): Answer[] {
  const answers: Answer[] = [];
  for (const part of bytes.toString().split(/(?=^HTTP\/1\.1 \d{3} )/m)) {
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(part)?.[1] ?? 0);
    const head = part.indexOf('\r\n\r\n');
    if (status >= 200 && head >= 0) answers.push({ status, body: part.slice(head + 4) });
  }
  return answers;
}

import { Agent as HttpAgent, request as requestHttp } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { messageOf } from '../errors.ts';
import type { Answer } from './answer.ts';

/** Of an answer's body no more than this is read into memory. */
const BODY_BYTES_MAX = 1_024 * 1_024;

const NO_ANSWER = 'the connection was closed without an answer';

/** A connection that nobody uses is kept for so long, or for as long as the other side says. */
const IDLE_MS = 30_000;

export interface HttpRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
  readonly signal: AbortSignal;
}

/** The body of a request. */
export interface Body {
  readonly bytes: number;
  /** What it consists of, in order. */
  readonly parts: readonly Buffer[];
  /** Says that its parts may still be read for some time. */
  leave(): void;
}

export function bodyOf(content: Buffer): Body {
  return { bytes: content.length, parts: [content], leave: () => undefined };
}

/** Of all of them together. */
export function bytesOf(parts: readonly Buffer[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

/**
 * What came of a request: an answer, or none. `broken` may be over the next time; `untrusted` is a certificate
 * that somebody has to put right.
 */
export type Exchange =
  | { readonly kind: 'answered'; readonly answer: Answer }
  | { readonly kind: 'broken'; readonly words: string }
  | { readonly kind: 'untrusted'; readonly words: string };

/** Posts requests; the one file that speaks HTTP. */
export interface Http {
  /** @throws the reason of the signal. */
  post(request: HttpRequest): Promise<Exchange>;
  close(): void;
}

/** @param timeoutMs a request that has no answer after so long is given up; it may have been taken all the same. */
export function createHttp({ timeoutMs }: { timeoutMs: number }): Http {
  const kept = { keepAlive: true, timeout: IDLE_MS };
  const agents = { plain: new HttpAgent(kept), tls: new HttpsAgent(kept) };
  return {
    async post({ url, headers, body, signal }) {
      signal.throwIfAborted();
      let watch: Watch | undefined;
      try {
        const ofBody = { 'content-type': 'application/json', 'content-length': body.bytes };
        const options = { method: 'POST', headers: { ...headers, ...ofBody } };
        const request =
          url.protocol === 'https:'
            ? requestHttps(url, { ...options, agent: agents.tls })
            : requestHttp(url, { ...options, agent: agents.plain });
        watch = new Watch(request, signal, timeoutMs);
        const answer = await answerTo(request, body);
        // Who answers before the request is over may read the rest of it yet, or never.
        if (!request.writableFinished) {
          body.leave();
          request.destroy();
        }
        return { kind: 'answered', answer };
      } catch (error) {
        body.leave();
        signal.throwIfAborted();
        if (watch?.isLate === true) return { kind: 'broken', words: `no answer within ${timeoutMs} ms` };
        return {
          kind: isUntrusted(error) ? 'untrusted' : 'broken',
          words: wordsOf(error),
        };
      } finally {
        watch?.[Symbol.dispose]();
      }
    },
    close() {
      agents.plain.destroy();
      agents.tls.destroy();
    },
  };
}

/** Ends a request once its time is over or its signal is aborted. A signal made of both costs several times as much. */
class Watch implements Disposable {
  /** Whether its time was over. */
  isLate = false;
  readonly #signal: AbortSignal;
  readonly #end: () => void;
  readonly #timer: NodeJS.Timeout;

  constructor(request: ClientRequest, signal: AbortSignal, timeoutMs: number) {
    this.#signal = signal;
    this.#end = () => void request.destroy();
    signal.addEventListener('abort', this.#end);
    this.#timer = setTimeout(() => {
      this.isLate = true;
      this.#end();
    }, timeoutMs);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this.#end);
  }
}

async function answerTo(request: ClientRequest, { parts }: Body): Promise<Answer> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    // Nothing else comes of an answer that wants another protocol.
    const closed = () => reject(new Error(NO_ANSWER));
    request.once('close', closed);
    request.once('response', (answer) => {
      request.off('close', closed); // It is closed at its end as well, and an error that nobody sees takes time.
      resolve(answer);
    });
    // Listened to for good: what goes wrong after the answer has begun is the answer's own error as well.
    request.on('error', reject);
    for (const part of parts) request.write(part);
    request.end();
  });
  return {
    status: response.statusCode ?? 0,
    retryAfter: response.headers['retry-after'] ?? null,
    body: await beginningOf(response),
  };
}

/** A body is read to its end, so that the connection can be used again, and its beginning is kept. */
async function beginningOf(body: IncomingMessage): Promise<string> {
  const kept: Buffer[] = [];
  let bytes = 0;
  body.on('data', (part: Buffer) => {
    if (bytes < BODY_BYTES_MAX) kept.push(part);
    bytes += part.length;
  });
  await new Promise<void>((resolve, reject) => {
    const closed = () => reject(new Error(NO_ANSWER));
    body.once('close', closed);
    body.once('error', reject);
    body.once('end', () => {
      body.off('close', closed); // It is closed at its end as well.
      resolve();
    });
  });
  return Buffer.concat(kept).subarray(0, BODY_BYTES_MAX).toString('utf8');
}

function isUntrusted(error: unknown): boolean {
  return /^(ERR_TLS_CERT_|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED)/.test(codeOf(error));
}

/** An attempt at several addresses of a host fails with a code and without a message. */
function wordsOf(error: unknown): string {
  const words = messageOf(error) || codeOf(error);
  if (words === 'socket hang up') return NO_ANSWER;
  return words === 'aborted' ? 'the connection was closed in the middle of an answer' : words;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

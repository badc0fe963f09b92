import { Agent, request } from 'undici';
import { messageOf } from '../errors.ts';
import type { Answer } from './answer.ts';

/** Of an answer's body no more than this is read into memory. */
const BODY_BYTES_MAX = 1_024 * 1_024;

export interface HttpRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly signal: AbortSignal;
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
  close(): Promise<void>;
}

/** @param timeoutMs a request that has no answer after so long is given up; it may have been taken all the same. */
export function createHttp({ timeoutMs }: { timeoutMs: number }): Http {
  const agent = new Agent({
    headersTimeout: 0,
    bodyTimeout: 0,
    connectTimeout: timeoutMs,
    keepAliveTimeout: 30_000,
  });
  return {
    async post({ url, headers, body, signal }) {
      const limit = AbortSignal.timeout(timeoutMs);
      try {
        const response = await request(url, {
          method: 'POST',
          headers: { ...headers, 'content-type': 'application/json' },
          body,
          dispatcher: agent,
          signal: AbortSignal.any([signal, limit]),
        });
        const retryAfter = response.headers['retry-after'];
        const answer: Answer = {
          status: response.statusCode,
          retryAfter: typeof retryAfter === 'string' ? retryAfter : null,
          body: await beginningOf(response.body),
        };
        return { kind: 'answered', answer };
      } catch (error) {
        signal.throwIfAborted();
        if (limit.aborted) return { kind: 'broken', words: `no answer within ${timeoutMs} ms` };
        return {
          kind: isUntrusted(error) ? 'untrusted' : 'broken',
          words: messageOf(error) || codeOf(error),
        };
      }
    },
    close: () => agent.close(),
  };
}

/** A body is read to its end, so that the connection can be used again, and its beginning is kept. */
async function beginningOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const kept: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body) {
    if (bytes < BODY_BYTES_MAX) kept.push(part);
    bytes += part.length;
  }
  return Buffer.concat(kept).subarray(0, BODY_BYTES_MAX).toString('utf8');
}

function isUntrusted(error: unknown): boolean {
  return /^(ERR_TLS_CERT_|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED)/.test(codeOf(error));
}

/** An attempt at several addresses of a host fails with a code and without a message. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

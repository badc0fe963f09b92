import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Alert } from '../../client/index.ts';

/** How the receiver treats its next requests; without one it takes what is signed. */
export type Behaviour =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    }
  | { readonly kind: 'hang' };

/** What came, taken or not. */
export interface Arrival {
  readonly message: Alert;
  /** What was answered; null where nothing was. */
  readonly status: number | null;
}

/** 32 bytes; as the Standard Webhooks specification writes keys. */
export const SIGNING_SECRET = 'whsec_dGhlIGtleSBvZiBhIHdlYmhvb2sgaW4gdGVzdHMhIQ==';
/** What nobody may know of its URL. */
export const TOKEN = 'a-token-of-its-own-93c1';
const PATH = `/services/T0FEED/${TOKEN}`;

/** Seconds by which a timestamp may be off. Source: the reference implementation of Standard Webhooks. */
const TOLERANCE_SECONDS = 300;

/** What takes webhooks as a careful application does: POST alone, at its path, as JSON, with a signature that is right. */
export class WebhookReceiver implements AsyncDisposable {
  readonly arrivals: Arrival[] = [];
  /** The newest request, as it came. */
  last: { readonly headers: IncomingMessage['headers']; readonly body: string } | null = null;
  /** What was wrong with requests. */
  readonly violations: string[] = [];
  readonly #server: Server;
  #next: Behaviour[] = [];

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        this.violations.push(String(error));
        request.socket.destroy();
      });
    });
  }

  static async start(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${PATH}`;
  }

  /** What it took of a sync, by the time of the change: messages of one sync may arrive in another order. */
  taken(sync: string): Alert[] {
    return this.arrivals
      .filter(({ message, status }) => message.sync === sync && status === 204)
      .map(({ message }) => message)
      .sort((left, right) => (left.at < right.at ? -1 : 1));
  }

  /** Treats the next requests so, each once. */
  behave(...next: Behaviour[]): void {
    this.#next = next;
  }

  async [Symbol.asyncDispose]() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    this.last = { headers: request.headers, body };
    const problem = await problemOf(request, body);
    if (problem !== null) {
      this.violations.push(problem);
      response.writeHead(400).end(problem);
      return;
    }
    const message = JSON.parse(body) as Alert;
    const behaviour = this.#next.shift();
    if (behaviour?.kind === 'hang') {
      this.arrivals.push({ message, status: null });
      return;
    }
    const { status, headers, body: words } = behaviour ?? { status: 204 };
    this.arrivals.push({ message, status });
    response.writeHead(status, headers).end(words);
  }
}

async function problemOf({ method, url, headers }: IncomingMessage, body: string): Promise<string | null> {
  if (method !== 'POST' || url?.split('?')[0] !== PATH) return `${method ?? ''} ${url ?? ''}`;
  if (headers['content-type'] !== 'application/json') return `content-type ${headers['content-type'] ?? ''}`;
  const [id, timestamp] = [String(headers['webhook-id']), String(headers['webhook-timestamp'])];
  if (Math.abs(Date.now() / 1_000 - Number(timestamp)) > TOLERANCE_SECONDS) return `timestamp ${timestamp}`;
  if (!(await isSigned(`${id}.${timestamp}.${body}`, String(headers['webhook-signature']))))
    return 'signature';
  return (JSON.parse(body) as Alert).id === id ? null : `id ${id}`;
}

/** By the Web's own cryptography, as a receiver on another platform does it. */
async function isSigned(signed: string, signatures: string): Promise<boolean> {
  const bytes = Uint8Array.from(atob(SIGNING_SECRET.slice('whsec_'.length)), (char) => char.charCodeAt(0));
  const hmac = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', bytes, hmac, false, ['verify']);
  for (const signature of signatures.split(' ')) {
    const [version, encoded = ''] = signature.split(',');
    const raw = Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0));
    const content = new TextEncoder().encode(signed);
    if (version === 'v1' && (await crypto.subtle.verify('HMAC', key, raw, content))) return true;
  }
  return false;
}

import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What becomes of a request: it passes; it does and its answer is lost; its answer breaks off; or another answer. */
export type Fate =
  'pass' | 'lose answer' | 'break answer off' | { readonly status: number; readonly body: string };

/** Stands before a server, so that a test decides what becomes of requests. */
export interface S3Proxy extends AsyncDisposable {
  readonly endpoint: string;
  fate: (method: string, path: string) => Fate;
  /** The requests so far, as `PUT /bucket/key`. */
  readonly seen: string[];
}

export async function startS3Proxy(target: string): Promise<S3Proxy> {
  const { hostname, port } = new URL(target);
  const seen: string[] = [];
  const server = createServer((incoming, answer) => void take(incoming, answer));
  async function take(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = incoming;
    seen.push(`${method} ${url}`);
    const fate = proxy.fate(method, url);
    const body = await Array.fromAsync(incoming as AsyncIterable<Buffer>);
    if (typeof fate === 'object') {
      answer.writeHead(fate.status, { 'Content-Type': 'application/xml' }).end(fate.body);
      return;
    }
    const outgoing = request({ hostname, port, method, path: url, headers });
    outgoing.end(Buffer.concat(body));
    const [answered] = (await once(outgoing, 'response')) as [IncomingMessage];
    const content = Buffer.concat(await Array.fromAsync(answered as AsyncIterable<Buffer>));
    if (fate === 'lose answer') return void answer.destroy();
    answer.writeHead(answered.statusCode ?? 500, answered.headers);
    if (fate === 'pass') return void answer.end(content);
    answer.write(content.subarray(0, content.length / 2), () => answer.destroy());
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: S3Proxy = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fate: () => 'pass',
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

/** An answer in the words of S3. */
export function refusal(status: number, code: string, more = ''): Fate {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>as a test has it</Message>${more}</Error>`;
  return { status, body };
}

/** Takes every connection, and never answers. */
export async function startSilentServer(): Promise<{ readonly endpoint: string } & AsyncDisposable> {
  const server = createServer(() => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

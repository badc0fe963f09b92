import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';
import { BigqueryConfig } from '../../connectors/bigquery/config.ts';
import { openBigquery } from '../../connectors/bigquery/source.ts';

/*
 * A server of a test's own that says what BigQuery's documentation has it say, word by word: most of it no stand-in
 * for BigQuery ever says.
 */

export interface Answer {
  readonly status?: number;
  readonly body: object;
}

/** What the server was asked. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: { readonly configuration?: { readonly query?: object; readonly dryRun?: boolean } };
}

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A server that answers as it is told. */
export async function service(answer: (asked: Asked) => Answer): Promise<{ url: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const url = new URL(incoming.url ?? '', 'http://service');
      const text = Buffer.concat(chunks).toString();
      const body = (text === '' ? {} : JSON.parse(text)) as Asked['body'];
      const question = { method: incoming.method ?? '', path: url.pathname, query: url.searchParams, body };
      asked.push(question);
      const { status = 200, body: answered } = answer(question);
      outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answered));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => server.close());
  ends.push(() => server.closeAllConnections());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

export const JOB = { jobReference: { projectId: 'my-project', jobId: 'j', location: 'EU' } };
export const SELECT: Answer = { body: { ...JOB, statistics: { query: { statementType: 'SELECT' } } } };
export const refused = (status: number, reason: string, message: string): Answer => ({
  status,
  body: { error: { code: status, message, errors: [{ reason, message, domain: 'global' }] } },
});

export const config = (fields: object) =>
  BigqueryConfig.parse({ kind: 'bigquery', project: 'my-project', ...fields });
export const signal = new AbortController().signal;
export const open = (fields: object, secret = '') =>
  openBigquery(config(fields), () => Promise.resolve(secret), signal);

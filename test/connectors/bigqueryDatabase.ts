import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createClient } from '../../connectors/bigquery/client.ts';
import type { Ask } from '../../connectors/bigquery/client.ts';
import { BigqueryConfig } from '../../connectors/bigquery/config.ts';
import { openBigquery } from '../../connectors/bigquery/source.ts';
import type { Source } from '../../connectors/source.ts';
import { DATASET, NO_PEER, PROJECT, startBigqueryPeer } from './bigqueryPeer.ts';
import type { BigqueryPeer } from './bigqueryPeer.ts';
import { serve } from './tlsProxy.ts';
import type { TestServer } from './tlsProxy.ts';

const url = process.env['ROWCAST_TEST_BIGQUERY_URL'] ?? '';

/** What tests run against, or in its name why they cannot. */
export interface ServiceOrReason {
  readonly name: string;
  readonly isThere: boolean;
  readonly url: URL | null;
}

export const PEER: ServiceOrReason = {
  name: `a BigQuery source, against local-bigquery${NO_PEER === null ? '' : ` (${NO_PEER})`}`,
  isThere: NO_PEER === null,
  url: null,
};

/** A dataset of one's own: `bigquery://PROJECT/DATASET?location=EU&key=/path/to/key.json`; without key by default credentials. */
export const OWN: ServiceOrReason = {
  name: `a BigQuery source of one’s own${url === '' ? ' (ROWCAST_TEST_BIGQUERY_URL is not set)' : ''}`,
  isThere: url !== '',
  url: url === '' ? null : new URL(url),
};

/** A dataset that tests may write to, and what of Rowcast is at work there. */
export interface BigqueryDatabase {
  /** Everything that the service can be asked, with all rights. */
  readonly ask: Ask;
  /** A configuration for it, with fields that differ. */
  config(fields?: Partial<BigqueryConfig>): BigqueryConfig;
  /** A source that reaches the service over a wire of its own. */
  open(fields?: Partial<BigqueryConfig>, signal?: AbortSignal): Promise<Source>;
  /** The cells of a query, as the service writes them. */
  rows(sql: string): Promise<unknown[][]>;
  /** Rowcast's jobs in the order in which they began, the oldest first. */
  jobs(): Promise<readonly Job[]>;
  /** Cuts every wire that a source has, for good, and stops what runs. */
  cutOff(): Promise<void>;
  stop(): Promise<void>;
}

export interface Job {
  readonly jobReference: { readonly jobId: string; readonly location: string };
  readonly state: string;
  readonly statistics: { readonly creationTime: string };
}

interface RowsAnswer {
  readonly rows?: { readonly f: { readonly v: unknown }[] }[];
}

export async function openBigqueryDatabase(service: ServiceOrReason): Promise<BigqueryDatabase> {
  return service.url === null ? await peerDatabase() : databaseOf(service.url);
}

async function peerDatabase(): Promise<BigqueryDatabase> {
  const peer = await startBigqueryPeer();
  const wires: TestServer[] = [];
  const endpoint = `http://${peer.host}:${peer.port}`;
  const database = databaseOf(new URL(`bigquery://${PROJECT}/${DATASET}`), endpoint);
  return {
    ...database,
    async open(fields, signal) {
      wires.push(await wireTo(peer));
      const port = wires.at(-1)!.port;
      return await database.open({ endpoint: `http://127.0.0.1:${port}`, ...fields }, signal);
    },
    async cutOff() {
      for (const wire of wires.splice(0)) await wire.stop();
      await database.cutOff();
    },
    async stop() {
      for (const wire of wires.splice(0)) await wire.stop();
      await peer.stop();
    },
  };
}

function databaseOf({ hostname, pathname, searchParams }: URL, endpoint?: string): BigqueryDatabase {
  const location = searchParams.get('location');
  const keyFile = searchParams.get('key');
  const key = keyFile === null ? null : readFileSync(keyFile, 'utf8');
  const config = (fields: Partial<BigqueryConfig> = {}) =>
    BigqueryConfig.parse({
      ...{ kind: 'bigquery', project: hostname, dataset: pathname.slice(1) },
      ...(location !== null && { location }),
      ...(key !== null && { key: { secret: 'key' } }),
      ...(endpoint !== undefined && { endpoint }),
      ...fields,
    });
  const ask = createClient(config(), key === null ? null : (JSON.parse(key) as object));
  const { dataset: datasetId, project: projectId } = config();
  const defaultDataset = { datasetId, projectId };
  return {
    ask,
    config,
    open: (fields, signal = new AbortController().signal) =>
      openBigquery(config(fields), () => Promise.resolve(key ?? ''), signal),
    async rows(sql) {
      const json = { query: sql, useLegacySql: false, defaultDataset, timeoutMs: 60_000 };
      const { rows = [] } = await ask<RowsAnswer>({ method: 'POST', uri: '/queries', json });
      return rows.map(({ f }) => f.map(({ v }) => v));
    },
    async jobs() {
      const { jobs = [] } = await ask<{ jobs?: Job[] }>({ uri: '/jobs', qs: { projection: 'full' } });
      return jobs.filter(({ jobReference }) => jobReference.jobId.startsWith('rowcast_')).reverse();
    },
    async cutOff() {
      for (const { jobReference, state } of await this.jobs()) {
        const { jobId, location: place } = jobReference;
        const cancel = { method: 'POST', uri: `/jobs/${jobId}/cancel`, qs: { location: place } } as const;
        if (state !== 'DONE') await ask(cancel);
      }
    },
    stop: () => Promise.resolve(),
  };
}

function wireTo({ host, port }: BigqueryPeer): Promise<TestServer> {
  return serve((socket) => {
    const plain = connect(port, host);
    plain.on('error', () => socket.destroy());
    plain.on('close', () => socket.destroy());
    socket.on('close', () => plain.destroy());
    socket.pipe(plain).pipe(socket);
  });
}

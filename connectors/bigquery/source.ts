import { randomUUID } from 'node:crypto';
import type { JWTInput } from 'google-auth-library';
import { z } from 'zod';
import type { SecretReference } from '../../secrets/reference.ts';
import type { ResolveSecret } from '../../secrets/resolve.ts';
import { Interrupts, within } from '../interrupts.ts';
import { isLeftRunning } from '../leftRunning.ts';
import { notAQuery } from '../queryFailures.ts';
import { opened } from '../reading.ts';
import type { QueryRequest, QueryResult, Row, Source } from '../source.ts';
import { cancelJob } from './cancel.ts';
import { createClient } from './client.ts';
import type { Ask } from './client.ts';
import type { BigqueryConfig } from './config.ts';
import {
  badKey,
  clockNotRead,
  connectFailure,
  holdsProjectId,
  isDuplicate,
  isNotFound,
  isScript,
  queryFailure,
} from './failures.ts';
import { ResultReader } from './reader.ts';
import type { JobReference } from './reader.ts';

/** Giving a job up takes at most so long. */
const CLOSE_TIMEOUT_MS = 3_000;

/** The service keeps a result for a day; what is older than this may end while it is read. */
const RESULT_KEPT_MS = 20 * 3_600_000;

const ServiceAccountKey = z.object({
  type: z.literal('service_account'),
  client_email: z.string().min(1),
  private_key: z.string().min(1),
});

/** A job as jobs.insert answers it. */
interface JobAnswer {
  readonly jobReference: { readonly location: string };
  readonly status?: { readonly errorResult?: object | null };
  readonly statistics?: {
    readonly creationTime?: string;
    readonly query?: { readonly statementType?: string };
  };
}

interface Running {
  readonly job: JobReference;
  /** The request that started it, where this source did. */
  readonly started?: Promise<unknown>;
  readonly reader?: ResultReader;
}

/** Signs in, and asks for nothing yet. @throws RowcastError source_unreachable, source_login_refused and their like. */
export async function openBigquery(
  config: BigqueryConfig,
  secrets: ResolveSecret,
  signal: AbortSignal,
): Promise<Source> {
  const key = config.key === undefined ? null : keyOf(await secrets(config.key, 'source.key'), config.key);
  signal.throwIfAborted();
  const source = new BigquerySource(config, createClient(config, key));
  return await opened(source, signal, (error) => connectFailure(error, config));
}

/** Whatever else the text may name, files and URLs among it, only a service account's own key is taken. */
function keyOf(text: string, secret: SecretReference): JWTInput {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw badKey(secret, 'it is no JSON');
  }
  const key = ServiceAccountKey.safeParse(json);
  if (key.success) return key.data;
  const [field = 'type'] = key.error.issues.map(({ path }) => path.join('.'));
  throw badKey(secret, `its ${field} is missing or another`);
}

class BigquerySource implements Source {
  readonly #config: BigqueryConfig;
  readonly #ask: Ask;
  readonly #interrupts = new Interrupts();
  /** The job under way. */
  #running: Running | undefined;
  #closing: Promise<void> | undefined;

  constructor(config: BigqueryConfig, ask: Ask) {
    this.#config = config;
    this.#ask = ask;
  }

  /** A dry run costs nothing, and needs what a query needs. */
  async open(signal: AbortSignal): Promise<void> {
    await this.#interrupts.wait(() => this.#insert('SELECT 1', { dryRun: true }), signal);
  }

  /** `CURRENT_TIMESTAMP`, which is the clock of the service and of its tables. */
  async clock(): Promise<number> {
    const sql = 'SELECT UNIX_MILLIS(CURRENT_TIMESTAMP()) AS ms';
    const { location } = this.#config;
    const json = {
      query: sql,
      useLegacySql: false,
      useQueryCache: false,
      ...(location !== undefined && { location }),
    };
    try {
      const { rows } = await this.#interrupts.wait(() =>
        this.#ask<{ rows?: { f: { v: string }[] }[] }>({ method: 'POST', uri: '/queries', json }),
      );
      const ms = rows?.[0]?.f[0]?.v;
      if (ms === undefined) throw clockNotRead();
      return Number(ms);
    } catch (error) {
      throw queryFailure(error, this.#config, sql);
    }
  }

  async query(request: QueryRequest): Promise<QueryResult> {
    const { sql, signal, pageRows, resume } = request;
    try {
      const earlier = await this.#takeUp(resume?.from ?? null, signal);
      const job = earlier ?? (await this.#start(request));
      const reader = new ResultReader(this.#ask, job, pageRows);
      this.#running = { ...this.#running, job, reader };
      // The first answer is read at once, so that a query that cannot run says so here.
      const first = await this.#interrupts.wait(() => reader.read(), signal);
      const pages = this.#pages(reader, first, request);
      return { columns: reader.columns, pages, isResumed: earlier !== null };
    } catch (error) {
      const failure = queryFailure(error, this.#config, sql);
      if (isLeftRunning(request, failure.code === 'source_connection_lost')) this.#running = undefined;
      await this.#release();
      signal.throwIfAborted();
      throw failure;
    }
  }

  /** Starts a job, after a dry run has said that it only reads. */
  async #start({ sql, signal, resume }: QueryRequest): Promise<JobReference> {
    if (sql.includes('{{projectId}}')) throw holdsProjectId();
    const { jobReference, statistics } = await this.#interrupts.wait(
      () => this.#insert(sql, { dryRun: true }),
      signal,
    );
    const type = statistics?.query?.statementType;
    if (type === 'SCRIPT') throw isScript();
    if (type !== 'SELECT') throw notAQuery();
    const job = { jobId: `rowcast_${randomUUID()}`, location: jobReference.location };
    resume?.started(`${job.location}/${job.jobId}`);
    const started = this.#insert(sql, { job }).catch((error: unknown) => {
      // The driver asks again where an answer was lost, and the job is there already.
      if (!isDuplicate(error)) throw error;
    });
    this.#running = { job, started };
    await this.#interrupts.wait(() => started, signal);
    return job;
  }

  /** The job of an earlier attempt; null where it never began, failed, was stopped, or has a result that ends soon. */
  async #takeUp(id: string | null, signal: AbortSignal): Promise<JobReference | null> {
    const [location, jobId] = id?.split('/') ?? [];
    if (location === undefined || jobId === undefined) return null;
    try {
      const { status, statistics } = await this.#interrupts.wait(
        () => this.#ask<JobAnswer>({ uri: `/jobs/${jobId}`, qs: { location } }),
        signal,
      );
      const isKept = Date.now() - Number(statistics?.creationTime) < RESULT_KEPT_MS;
      return isKept && status?.errorResult == null ? { jobId, location } : null;
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }

  async #insert(sql: string, { job, dryRun }: { job?: JobReference; dryRun?: boolean }): Promise<JobAnswer> {
    const { project: projectId, dataset, location, maximumBytesBilled } = this.#config;
    const query = {
      query: sql,
      useLegacySql: false,
      ...(dataset !== undefined && { defaultDataset: { projectId, datasetId: dataset } }),
      ...(maximumBytesBilled !== undefined && { maximumBytesBilled: String(maximumBytesBilled) }),
    };
    return await this.#ask<JobAnswer>({
      method: 'POST',
      uri: '/jobs',
      json: {
        jobReference: { projectId, ...(location !== undefined && { location }), ...job },
        configuration: { query, labels: { application: 'rowcast' }, ...(dryRun === true && { dryRun }) },
      },
    });
  }

  async *#pages(
    reader: ResultReader,
    first: Row[][] | null,
    { sql, signal }: QueryRequest,
  ): AsyncGenerator<readonly Row[]> {
    try {
      let pages = first;
      while (pages !== null) {
        for (const page of pages) {
          yield page;
          signal.throwIfAborted();
        }
        pages = await this.#interrupts.wait(() => reader.read(), signal);
      }
    } catch (error) {
      signal.throwIfAborted();
      throw queryFailure(error, this.#config, sql);
    } finally {
      await this.#release();
    }
  }

  /** Stops the job under way, if any. */
  async #release(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined || running.reader?.complete === true) return;
    const { job, started } = running;
    // A job that is still on its way cannot be stopped yet.
    await within(CLOSE_TIMEOUT_MS, Promise.resolve(started)).catch(() => undefined);
    await cancelJob(this.#ask, job, CLOSE_TIMEOUT_MS);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#release();
    this.#interrupts.lose(new Error('the source was closed'));
  }
}

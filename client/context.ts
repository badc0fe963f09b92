import { loadClientConnectConfig } from '@temporalio/envconfig';
import { Client, Connection, QueryRejectCondition, WithStartWorkflowOperation } from '@temporalio/client';
import proto from '@temporalio/proto';
import { Name } from '../definitions/name.ts';
import { messageOf, RowcastError } from '../errors.ts';
import { storageLocation } from '../storage/open.ts';
import { explained, unreachable } from './explained.ts';
import { OpenRequests } from './openRequests.ts';
import { pause } from './pause.ts';

/** How an application finds Temporal, the workers and the storage. */
export interface ConnectOptions {
  /** Environment variables to read; `process.env` by default. */
  readonly env?: NodeJS.ProcessEnv;
}

/** How long an answer of a worker may take, in milliseconds. */
const ANSWER_MS = 60_000;

/** A poller that has not been seen for longer is taken for gone; pollers come back every minute. */
const POLLER_SEEN_WITHIN_MS = 75_000;

/** How long a worker that nobody has seen yet is waited for. */
const WORKER_SHOWS_MS = 3_000;

/** A connection that was opened. */
interface Connected {
  readonly client: Client;
  readonly connection: Connection;
  readonly address: string;
  readonly requests: OpenRequests;
}

/** The connection that the parts of the SDK share. */
export class ClientContext {
  readonly client: Client;
  readonly connection: Connection;
  readonly address: string;
  readonly taskQueue: string;
  readonly storageLocation: string;
  readonly #requests: OpenRequests;

  private constructor({ client, connection, address, requests }: Connected, env: NodeJS.ProcessEnv) {
    this.client = client;
    this.connection = connection;
    this.address = address;
    this.#requests = requests;
    this.taskQueue = env['ROWCAST_TASK_QUEUE'] ?? 'rowcast';
    this.storageLocation = storageLocation(env);
  }

  static async open({ env = process.env }: ConnectOptions = {}): Promise<ClientContext> {
    const { connectionOptions, namespace } = readSettings(env);
    const address = connectionOptions.address ?? 'localhost:7233';
    const requests = new OpenRequests();
    try {
      const connection = await Connection.connect({
        ...connectionOptions,
        connectTimeout: 5_000,
        interceptors: [requests.retries()],
      });
      const client = new Client({
        connection,
        // What has ended does not exist any more, though Temporal still knows what it was.
        workflow: { queryRejectCondition: QueryRejectCondition.NOT_OPEN },
        ...(namespace === undefined ? {} : { namespace }),
      });
      return new ClientContext({ client, connection, address, requests }, env);
    } catch (error) {
      throw unreachable(address, error);
    }
  }

  get namespace(): string {
    return this.client.options.namespace;
  }

  /** Asks Temporal alone. @throws RowcastError */
  async ask<Answer>(task: () => Promise<Answer>, signal?: AbortSignal): Promise<Answer> {
    // The connection only notices a signal that is aborted later.
    signal?.throwIfAborted();
    try {
      const withDeadline = () => this.connection.withDeadline(Date.now() + ANSWER_MS, task);
      return await this.#requests.add(() =>
        signal === undefined ? withDeadline() : this.connection.withAbortSignal(signal, withDeadline),
      );
    } catch (error) {
      signal?.throwIfAborted();
      throw explained(error, this);
    }
  }

  /** Refuses further questions, and closes the connection once those that were asked are settled. */
  async close(): Promise<void> {
    await this.#requests.settle();
    await this.connection.close();
  }

  /** Asks something that a worker must answer; says so at once where there is none. @throws RowcastError */
  async askWorker<Answer>(task: () => Promise<Answer>, signal?: AbortSignal): Promise<Answer> {
    await this.#requireWorker(signal);
    return this.ask(task, signal);
  }

  /** A worker that has just been started is given a moment to show itself. */
  async #requireWorker(signal?: AbortSignal): Promise<void> {
    const untilMs = Date.now() + WORKER_SHOWS_MS;
    while (!(await this.ask(() => this.#isPolled(), signal))) {
      if (Date.now() > untilMs) {
        throw new RowcastError(
          'no_worker',
          `No worker is polling the task queue ${this.taskQueue} in the namespace ${this.namespace} at ${this.address}; start one with \`npx rowcast worker\`.`,
        );
      }
      await pause(200, signal);
    }
  }

  async #isPolled(): Promise<boolean> {
    const { pollers } = await this.client.workflowService.describeTaskQueue({
      namespace: this.namespace,
      taskQueue: { name: this.taskQueue },
      taskQueueType: proto.temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    });
    const seen = pollers.map(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1_000);
    return seen.some((ms) => Date.now() - ms < POLLER_SEEN_WITHIN_MS);
  }

  /** Sends an update, and starts the workflow where it is not running. @throws RowcastError not_found for what is no name. */
  async updateWithStart<Answer>(
    { workflowType, workflowId, name, summary, update }: UpdateTarget,
    request: unknown,
    signal?: AbortSignal,
  ): Promise<Answer> {
    if (!Name.safeParse(name).success) throw new RowcastError('not_found', missingWords(workflowType, name));
    const startWorkflowOperation = new WithStartWorkflowOperation(workflowType, {
      workflowId,
      taskQueue: this.taskQueue,
      args: [{ name }],
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: summary,
    });
    return this.askWorker(
      () =>
        this.client.workflow.executeUpdateWithStart<(input: unknown) => Promise<unknown>, Answer, [unknown]>(
          update,
          {
            startWorkflowOperation,
            args: [request],
          },
        ),
      signal,
    );
  }

  /** Queries a workflow; null where there is none, it has ended, or it answers null. */
  async query<Answer>(
    workflowId: string,
    query: string,
    args: unknown[] = [],
    signal?: AbortSignal,
  ): Promise<Answer | null> {
    try {
      return await this.askWorker(
        () => this.client.workflow.getHandle(workflowId).query<Answer | null, unknown[]>(query, ...args),
        signal,
      );
    } catch (error) {
      if (error instanceof RowcastError && error.code === 'not_found') return null;
      throw error;
    }
  }

  /** The names of what runs under a workflow type, newest first, a page at a time. */
  async listNames(workflowType: string, prefix: string, page: PageRequest): Promise<Page<string>> {
    const pageSize = checkedLimit(page.limit ?? 100);
    const answer = await this.ask(
      () =>
        this.client.workflowService.listWorkflowExecutions({
          namespace: this.namespace,
          query: `WorkflowType = '${workflowType}' AND ExecutionStatus = 'Running' AND TaskQueue = '${this.taskQueue}'`,
          pageSize,
          nextPageToken: Buffer.from(page.pageToken ?? '', 'base64'),
        }),
      page.signal,
    );
    const ids = answer.executions.map(({ execution }) => execution?.workflowId ?? '');
    const token = Buffer.from(answer.nextPageToken).toString('base64');
    return { items: ids.map((id) => id.slice(prefix.length)), nextPageToken: token === '' ? null : token };
  }
}

/** What to say where something that was named is not there. */
export const missingWords = (word: UpdateTarget['workflowType'], name: string) =>
  `There is no ${word} ${JSON.stringify(name)}; \`rowcast ${word} list\` shows those that exist.`;

/** Whom an update goes to, and which. */
export interface UpdateTarget {
  readonly workflowType: 'sync' | 'integration' | 'destination' | 'webhook';
  readonly workflowId: string;
  readonly name: string;
  /** Shown in the Temporal Web UI. */
  readonly summary: string;
  /** One of MESSAGES. */
  readonly update: string;
}

export interface PageRequest {
  /** How many at most. */
  readonly limit?: number;
  /** Of the page before. */
  readonly pageToken?: string;
  readonly signal?: AbortSignal;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** For the next page; null on the last one. */
  readonly nextPageToken: string | null;
}

/** The most items of a page. */
const LIMIT_MAX = 1_000;

/** @throws RowcastError definition_invalid unless it is 1 to 1000. */
export function checkedLimit(limit: number): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= LIMIT_MAX) return limit;
  throw new RowcastError('definition_invalid', `The limit of a page is ${limit}; give 1 to ${LIMIT_MAX}.`);
}

/** All items, page after page. */
export async function* eachItem<Item>(
  pageOf: (request: PageRequest) => Promise<Page<Item>>,
  signal?: AbortSignal,
): AsyncGenerator<Item> {
  let pageToken: string | null = null;
  do {
    const page: Page<Item> = await pageOf({
      ...(pageToken === null ? {} : { pageToken }),
      ...(signal === undefined ? {} : { signal }),
    });
    yield* page.items;
    pageToken = page.nextPageToken;
  } while (pageToken !== null);
}

/** @throws RowcastError where TEMPORAL_… or the profile that they name cannot be read. */
function readSettings(env: NodeJS.ProcessEnv) {
  try {
    return loadClientConnectConfig({ overrideEnvVars: definedOf(env) });
  } catch (error) {
    throw new RowcastError(
      'temporal_unreachable',
      `The settings for Temporal cannot be read: ${messageOf(error)}; correct TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE and the other TEMPORAL_… variables.`,
      { cause: error },
    );
  }
}

function definedOf(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

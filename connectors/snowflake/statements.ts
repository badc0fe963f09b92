import { setTimeout as sleep } from 'node:timers/promises';
import type { DriverConnection, DriverResult, DriverStatement, StatementContext } from './driver.ts';

/** A statement that the service has answered. */
export interface Answered {
  readonly statement: DriverStatement;
  readonly context: StatementContext;
  readonly result: DriverResult;
}

interface Mode {
  readonly describeOnly?: boolean;
}

/** Runs a statement and waits for its result, whose rows are not read yet. */
export function execute(connection: DriverConnection, sqlText: string, mode: Mode = {}): Promise<Answered> {
  return answered((complete) => connection.execute({ sqlText, streamResult: true, ...mode, complete }));
}

/** The result of a statement that has ended; it fails as the statement did. */
export function fetchResult(connection: DriverConnection, queryId: string): Promise<Answered> {
  return answered((complete) => connection.fetchResult({ queryId, streamResult: true, complete }));
}

/** Starts a statement, which the service runs whoever waits for it. @returns its id. */
export function start(connection: DriverConnection, sqlText: string): Promise<string> {
  return new Promise((resolve, reject) => {
    connection.execute({
      ...{ sqlText, streamResult: true, asyncExec: true },
      complete(error) {
        if (error) reject(error);
        else if (this.queryId === undefined) reject(new Error('the service named no query'));
        else resolve(this.queryId);
      },
    });
  });
}

type Complete = Parameters<DriverConnection['execute']>[0]['complete'];

/** The driver calls back on the state of the statement, which holds what its public face leaves out. */
function answered(ask: (complete: Complete) => unknown): Promise<Answered> {
  return new Promise((resolve, reject) => {
    ask(function (this: StatementContext, error, statement) {
      const failure = error ?? this.resultError;
      if (failure) reject(failure);
      else if (this.result === undefined) reject(new Error('the service answered without a result'));
      else resolve({ statement, context: this, result: this.result });
    });
  });
}

/** How long to wait before the service is asked again whether a statement is done, in milliseconds. */
const PAUSES_MS = [50, 100, 200, 400, 800, 1_500, 3_000];

const SESSION_TOKEN_EXPIRED = '390112';

/** Waits until a statement is done, however it ended. @returns whether it succeeded. */
export async function ended(
  connection: DriverConnection,
  queryId: string,
  signal: AbortSignal,
): Promise<boolean> {
  for (let asked = 0; ; asked += 1) {
    const status = await statusOf(connection, queryId);
    if (!connection.isStillRunning(status)) return status === 'SUCCESS';
    await sleep(PAUSES_MS[Math.min(asked, PAUSES_MS.length - 1)], undefined, { signal });
  }
}

/** The driver renews an expired token for all that it sends, but for this question. */
async function statusOf(connection: DriverConnection, queryId: string): Promise<string> {
  try {
    return await connection.getQueryStatus(queryId);
  } catch (error) {
    if ((error as { code?: unknown }).code !== SESSION_TOKEN_EXPIRED) throw error;
    await connection.heartbeatAsync();
    return await connection.getQueryStatus(queryId);
  }
}

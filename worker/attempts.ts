import { AsyncLocalStorage } from 'node:async_hooks';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { isOfTemporal } from '../activities/temporalErrors.ts';
import type { Rest } from '../activities/types.ts';
import { isFailureCode } from '../errors.ts';
import type { FailureCode } from '../errors.ts';
import { runName, runWorkflowIdPrefix } from '../workflows/contract.ts';
import type { Problem, Problems, Work } from './problems.ts';
import type { AttemptSpan, Traces } from './traces.ts';

/* Every attempt at an activity passes here, so that its problems are told without the activities knowing. */

type ActivityInfo = Parameters<ActivityInterceptorsFactory>[0]['info'];

/** An attempt at an activity. */
interface Attempt {
  readonly work: Work;
  /** Where it is traced. */
  readonly span?: AttemptSpan | undefined;
}

const underWay = new AsyncLocalStorage<Attempt>();

/** Who is at work, for those whom an activity calls: a destination is asked on behalf of a run. */
export const attemptUnderWay = (): Attempt | undefined => underWay.getStore();

/** @param traces null: there are none */
export function observeAttempts(problems: Problems, traces: Traces | null): ActivityInterceptorsFactory {
  return ({ info }) => ({
    inbound: {
      async execute(input, next) {
        const work = workOf(info, input.args[0]);
        const span = work.run === null ? undefined : traces?.attempt(work, info);
        try {
          const result = await underWay.run({ work, span }, () => next(input));
          const rest = restIn(result);
          if (rest === null) problems.moved(work);
          else problems.met(work, rest);
          span?.end(rest?.code ?? null);
          return result;
        } catch (error) {
          const problem = problemIn(error);
          if (isToldOf(work, error)) problems.met(work, problem, isFinal(error));
          span?.end(problem.code);
          throw error;
        }
      },
    },
  });
}

/** What activities are given, in so far as it says for whom they work. */
interface Given {
  readonly plan?: { readonly sync: { readonly name: string } };
  readonly sync?: string;
  readonly kind?: string;
  readonly name?: string;
}

function workOf({ activityType, workflowExecution }: ActivityInfo, input: unknown): Work {
  const { workflowId = '', runId = '' } = workflowExecution ?? {};
  const { plan, sync, kind, name } = (typeof input === 'object' ? (input ?? {}) : {}) as Given;
  const isRun = workflowId.startsWith(runWorkflowIdPrefix('')) || activityType === 'beginRun';
  const run = isRun ? runName(workflowId, runId) : null;
  return {
    name: run ?? workflowId,
    activity: activityType,
    sync:
      plan?.sync.name ??
      (typeof sync === 'string' ? sync : kind === 'sync' ? (name ?? null) : syncIn(workflowId)),
    run,
  };
}

/** A run's workflow id is its sync's and a time, unless another tool changed the Schedule's action. */
function syncIn(workflowId: string): string | null {
  const prefix = runWorkflowIdPrefix('');
  if (!workflowId.startsWith(prefix)) return null;
  return workflowId.slice(prefix.length).replace(/-\d{4}-\d\d-\d\dT[\d:]+Z(-retry)?$/, '');
}

/** A delivery that came further hands its lanes back with the reason for its rest, instead of failing. */
function restIn(result: unknown): Rest | null {
  return typeof result === 'object' && result !== null && 'rest' in result ? (result.rest as Rest) : null;
}

/** What fails for good is the answer to whoever asked for it, or stands in the record of the run; but for these. */
const TOLD_THOUGH_FINAL: readonly string[] = ['finishRun', 'tellWebhook'];

function isToldOf({ activity }: Work, error: unknown): boolean {
  return !isCancelled(error) && (!isFinal(error) || TOLD_THOUGH_FINAL.includes(activity));
}

function isFinal(error: unknown): boolean {
  return error instanceof ApplicationFailure && error.nonRetryable === true;
}

function isCancelled(error: unknown): boolean {
  return error instanceof CancelledFailure || (error instanceof Error && error.name === 'AbortError');
}

function problemIn(error: unknown): Problem {
  if (isCancelled(error)) return { code: 'cancelled', message: '' };
  const code = error instanceof ApplicationFailure ? error.type : null;
  if (isFailureCode(code)) return { code, message: (error as Error).message };
  if (isOfTemporal(error)) {
    return { code: 'temporal_unreachable', message: 'Temporal did not answer a request.' };
  }
  return { code: 'internal_error' satisfies FailureCode, message: '', stack: placesIn(error) };
}

/** Where a bug was thrown, without its words, which may hold anything. */
function placesIn(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const { message, stack = '' } = error;
  const afterWords = stack.slice(Math.max(0, stack.indexOf(message)) + message.length);
  const places = afterWords.split('\n').filter((line) => /^\s+at /.test(line));
  return [error.name, ...places.slice(0, 8).map((line) => line.trim())].join(' ');
}

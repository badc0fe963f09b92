import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { missingAttributesWords, registerSearchAttributes } from '../../activities/searchAttributes.ts';
import type { Namespace } from '../../activities/searchAttributes.ts';
import { SEARCH_ATTRIBUTES } from '../../workflows/contract.ts';
import { Client, Connection } from '@temporalio/client';
import { runRowcast } from '../cli/command.ts';
import { ownServers } from '../ownServers.ts';
import { until } from '../until.ts';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

/* By what runs and syncs are found among Temporal's workflows, where the namespace has it and where it has not. */

const NAMES = Object.keys(SEARCH_ATTRIBUTES);
const namespace = `searched-${randomBytes(4).toString('hex')}`;

let engine: Engine;
/** Temporal itself, in the namespace of the engine. */
let temporal: Client;
let connection: Connection;
beforeAll(async () => {
  connection = await Connection.connect({ address: ownServers().temporal.address });
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  // The server takes a moment to know its new namespace everywhere.
  await until(() =>
    connection.operatorService.listSearchAttributes({ namespace }).then(
      () => true,
      () => false,
    ),
  );
  temporal = new Client({ connection, namespace });
  engine = await startEngine({ env: { TEMPORAL_NAMESPACE: namespace } });
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await connection.close();
});

const ONE_BAD = `SELECT CASE WHEN n > 1 THEN n END AS "userId", repeat('x', 5000) AS note FROM generate_series(1, 800) n`;

async function found(query: string): Promise<string[]> {
  const workflows = await Array.fromAsync(temporal.workflow.list({ query }));
  return workflows.map(({ workflowId }) => workflowId);
}

const idOf = (run: string) => run.split('~')[0] ?? run;

async function registeredNames(): Promise<string[]> {
  return Object.keys((await connection.operatorService.listSearchAttributes({ namespace })).customAttributes);
}

test('a worker registers what lists of runs need, and lists find runs by their failed rows, and syncs by their destination', async () => {
  expect((await registeredNames()).sort()).toEqual([...NAMES].sort());
  const sync = await engine.sync({ name: 'bad', query: ONE_BAD });
  const good = await engine.sync({ name: 'good', query: 'SELECT 1 AS "userId"' });
  const { run } = await engine.run(sync);
  await engine.run(good);
  const withErrors = `RowcastRowsFailed > 0 AND StartTime > '2026-01-01T00:00:00Z'`;
  await until(async () => (await found(withErrors)).length > 0);
  expect(await found(withErrors)).toEqual([idOf(run)]);
  const { definition } = await engine.rowcast.syncs.get(sync);
  const { definition: integration } = await engine.rowcast.integrations.get(definition.integration);
  const delivers = `WorkflowType = 'sync' AND RowcastDestination = '${integration.destination}'`;
  await until(async () => (await found(delivers)).length === 2);
  const described = await temporal.workflow.getHandle(idOf(run)).describe();
  const values = described.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]);
  expect(Object.fromEntries(values)).toMatchObject({
    RowcastSync: sync,
    RowcastIntegration: definition.integration,
    RowcastDestination: integration.destination,
    RowcastType: 'identify',
    RowcastOutcome: 'succeeded_with_errors',
    RowcastRowsDelivered: 799,
    RowcastRowsFailed: 1,
  });
});

test('a run goes on though somebody removes them while it is under way, and so does the next one without them', async () => {
  const sync = await engine.sync({ name: 'robbed', query: ONE_BAD });
  const before = engine.receiver.log.calls.length;
  engine.receiver.misbehave({ kind: 'slow', ms: 1_000 });
  const { run } = await engine.rowcast.syncs.run(sync);
  await until(() => engine.receiver.log.calls.length > before);
  await connection.operatorService.removeSearchAttributes({ namespace, searchAttributes: NAMES });
  engine.receiver.misbehave();
  expect(await engine.rowcast.imports.wait(run)).toMatchObject({ delivered: 799, failed: 1 });
  const { definition } = await engine.rowcast.syncs.get(sync);
  await engine.rowcast.syncs.update({
    ...definition,
    type: 'track',
    query: `SELECT 1 AS "userId", 'a' AS event`,
  });
  const next = await engine.run(sync);
  expect(next).toMatchObject({ outcome: 'succeeded', delivered: 1 });
  expect(await registeredNames()).toEqual([]);

  const { code, stdout } = await runRowcast(engine.env, 'setup');
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: `The namespace ${namespace} has the search attributes ${NAMES.join(', ')}.\n`,
  });
  const last = await engine.run(sync);
  await until(
    async () => (await found(`RowcastSync = '${sync}' AND RowcastOutcome = 'succeeded'`)).length > 0,
  );
  expect(await found(`RowcastSync = '${sync}' AND RowcastType = 'track'`)).toContain(idOf(last.run));
});

test('what a namespace refuses is told in one sentence with what to do, and what it has already is taken', async () => {
  const at: Namespace = {
    namespace: 'cloud',
    operatorService: {
      addSearchAttributes: () => Promise.reject(new Error('7 PERMISSION_DENIED: not allowed')),
      listSearchAttributes: () =>
        Promise.resolve({ customAttributes: { RowcastSync: 2, RowcastType: 1, RowcastRowsFailed: 3 } }),
    } as unknown as Namespace['operatorService'],
  };
  const result = await registerSearchAttributes(at);
  expect(result.registered).toEqual(['RowcastSync', 'RowcastRowsFailed']);
  expect(missingAttributesWords('cloud', result)).toMatch(
    /^The namespace cloud lacks the search attributes RowcastIntegration \(Keyword\), .*RowcastType \(Keyword\), .*RowcastRowsDelivered \(Int\), .* \(7 PERMISSION_DENIED: not allowed\)\. Runs go on without them/,
  );
  expect(missingAttributesWords('cloud', { registered: [], missing: [], reason: null })).toBeNull();
});

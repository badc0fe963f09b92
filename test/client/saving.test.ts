import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { integrationWorkflowId } from '../../workflows/contract.ts';
import { runRowcast } from '../cli/command.ts';
import { failureOf } from '../connectors/request.ts';
import { startEngine } from '../run/engine.ts';
import type { Engine } from '../run/engine.ts';
import { namesOf, writeFile } from './file.ts';

/* A change of an integration is tried out before it is saved. */

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

const FIELDS = { query: 'SELECT 1 AS "userId"', enabled: false };
const rowcast = (...args: string[]) => runRowcast(engine.env, ...args);
const integrations = () => engine.rowcast.integrations;

/** How often an integration was tried out to be saved. */
async function tests(name: string): Promise<number> {
  let count = 0;
  for await (const execution of engine.temporal.workflow.list({
    query: `WorkflowId = '${integrationWorkflowId(name)}'`,
  })) {
    const handle = engine.temporal.workflow.getHandle(execution.workflowId, execution.runId);
    const { events } = await handle.fetchHistory();
    count += (events ?? []).filter(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'testConnection',
    ).length;
  }
  return count;
}

/** An integration as it may be saved, under a name of the test's own. */
async function definitionOf(word: string) {
  const names = namesOf(engine, word);
  await engine.rowcast.destinations.update({
    ...{ name: names.destination, kind: 'http', url: engine.receiver.url },
    writeKey: { secret: 'write-key' },
  });
  const { host, port, user } = inject('postgres');
  return {
    name: names.integration,
    source: {
      ...{ kind: 'postgres' as const, host, port, user, database: engine.database, tls: 'off' as const },
      password: { secret: 'source-password' },
    },
    destination: names.destination,
  };
}

test('an integration that does not work is refused with the step that failed, and nothing of its file is applied', async () => {
  const names = namesOf(engine, 'refused');
  const file = writeFile(engine, names, FIELDS);
  writeFileSync(file, readFileSync(file, 'utf8').replace('user: postgres', 'user: nobody'));
  const refused = await rowcast('apply', '-f', file);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toMatch(
    new RegExp(
      `^Nothing was applied:\n  The integration ${names.integration} was not saved, since it does not work: login failed\\. The user nobody was refused at \\S+.*\\. Put that right and save again, or save it all the same with --no-test\\.\n$`,
    ),
  );
  expect(await engine.rowcast.destinations.find(names.destination)).toBeNull();
  expect(await integrations().find(names.integration)).toBeNull();

  const saved = await rowcast('apply', '-f', file, '--no-test');
  expect(saved.stdout).toContain(`integration ${names.integration} created\n`);
  expect((await integrations().get(names.integration)).definition.source).toMatchObject({ user: 'nobody' });
});

test('of several that do not work each is named, and those that do are not saved either', async () => {
  const [good, away, closed] = ['good', 'away', 'closed'].map((word) => namesOf(engine, word).integration);
  const file = writeFile(engine, namesOf(engine, 'several'), FIELDS);
  const [, source] = /( {4}source:\n(?: {6}.*\n)+)/.exec(readFileSync(file, 'utf8')) ?? [];
  const entry = (name: string | undefined, from: string, to: string) =>
    `  ${name ?? ''}:\n${(source ?? '').replace(from, to)}    destination: ${namesOf(engine, 'several').destination}\n`;
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace(
      'integrations:\n',
      `integrations:\n${entry(good, '', '')}${entry(away, 'host: 127.0.0.1', 'host: db.rowcast.invalid')}${entry(closed, /port: \d+/.exec(source ?? '')?.[0] ?? '', 'port: 1')}`,
    ),
  );
  const { code, stderr } = await rowcast('apply', '-f', file);
  expect(code).toBe(1);
  expect(stderr).toMatch(new RegExp(`^  The integration ${away} .* name found failed\\. .*invalid`, 'm'));
  expect(stderr).toMatch(
    new RegExp(`^  The integration ${closed} .* port open failed\\. The port 1 of`, 'm'),
  );
  expect(stderr).not.toContain(good);
  expect(await integrations().find(good ?? '')).toBeNull();
});

test('what makes no difference to how the source is reached is saved without a test', async () => {
  const definition = await definitionOf('same');
  const { name } = definition;
  expect(await integrations().update(definition)).toMatchObject({ change: 'created' });
  expect(await tests(name)).toBe(1);
  expect(await integrations().update(definition)).toMatchObject({ change: 'unchanged' });
  const other = (await definitionOf('other')).destination;
  expect(await integrations().update({ ...definition, destination: other, title: 'Shop' })).toMatchObject({
    changed: ['destination', 'title'],
  });
  expect(await tests(name)).toBe(1);

  const source = { ...definition.source, database: 'nowhere' };
  const refusal = await failureOf(integrations().update({ ...definition, source }));
  expect(refusal.code).toBe('connection_test_failed');
  expect(refusal.message).toContain('login failed. There is no database nowhere at');
  expect((await integrations().get(name)).definition.source).toMatchObject({ database: engine.database });
  expect(await tests(name)).toBe(2);
  expect(await integrations().update({ ...definition, source }, { test: false })).toMatchObject({
    changed: ['destination', 'source', 'title'],
  });
  expect(await tests(name)).toBe(2);
});

test('a dry run tries nothing out', async () => {
  const names = namesOf(engine, 'dry');
  const file = writeFile(engine, names, FIELDS);
  const { stdout } = await rowcast('apply', '-f', file, '--dry-run');
  expect(stdout).toContain(`integration ${names.integration} would be created\n`);
  expect(await tests(names.integration)).toBe(0);
});

test('an integration whose workflow was lost is not tried out again where it is as it was', async () => {
  const names = namesOf(engine, 'lost');
  const file = writeFile(engine, names, FIELDS);
  await rowcast('apply', '-f', file);
  await engine.temporal.workflow.getHandle(integrationWorkflowId(names.integration)).terminate('by a test');
  const { stdout } = await rowcast('apply', '-f', file);
  expect(stdout).toContain(
    `integration ${names.integration} unchanged\n  The integration ${names.integration} was taken over from`,
  );
  expect(await tests(names.integration)).toBe(1);
});

test('an integration that another tool tried to cancel is tried out and saved as ever', async () => {
  const definition = await definitionOf('cancelled');
  const { name } = definition;
  await integrations().update(definition);
  await engine.temporal.workflow.getHandle(integrationWorkflowId(name)).cancel();
  const source = { ...definition.source, database: 'postgres' };
  expect(await integrations().update({ ...definition, source })).toMatchObject({ changed: ['source'] });
  expect(await tests(name)).toBe(2);
});

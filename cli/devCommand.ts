import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { say } from './output.ts';

export function addWorkerAndDev(program: Command): void {
  program
    .command('worker')
    .description('run a worker until it is told to stop')
    .action(async () => {
      const { runWorker } = await import('../worker.ts');
      await runWorker(process.env);
    });
  program
    .command('dev')
    .description('for development: a Temporal server with its Web UI, and a worker, until Ctrl-C')
    .action(runDev);
}

/** Temporal and a worker in one terminal, which keep their state in `.rowcast/dev` of the current folder. */
async function runDev(): Promise<void> {
  const { findTemporal, startTemporal } = await import('../dev/temporal.ts');
  const folder = join(process.cwd(), '.rowcast', 'dev');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = await findTemporal();
  const server =
    found.kind === 'cluster'
      ? null
      : await startTemporal({
          path: found.path,
          logFile: join(folder, 'temporal.log'),
          databaseFile: join(folder, 'temporal.db'),
          ui: true,
        });
  if (server !== null) {
    process.env['TEMPORAL_ADDRESS'] = server.address;
    say(`Temporal is at ${server.address}, its Web UI at ${server.uiUrl ?? '-'}`);
    if (server.address !== '127.0.0.1:7233')
      say(`In other terminals: export TEMPORAL_ADDRESS=${server.address}`);
  }
  try {
    const { runWorker } = await import('../worker.ts');
    await runWorker(process.env);
  } finally {
    await server?.stop();
  }
}

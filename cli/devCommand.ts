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
  const [{ findTemporal, startTemporal }, { runWorker }, { claimServer, refuseSecond, releaseServer }] =
    await Promise.all([import('../dev/temporal.ts'), import('../worker.ts'), import('../dev/oneServer.ts')]);
  const found = await findTemporal();
  if (found.kind === 'cluster') return runWorker(process.env);

  const folder = join(process.cwd(), '.rowcast', 'dev');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  refuseSecond(folder);
  // Until the worker listens to them itself, a signal would end this process and leave the server running.
  for (const signal of STOPS) process.on(signal, exitAtOnce);
  // The worker does not listen to a terminal that is closed.
  process.on('SIGHUP', () => process.kill(process.pid, 'SIGTERM'));
  const server = await startTemporal({
    path: found.path,
    logFile: join(folder, 'temporal.log'),
    databaseFile: join(folder, 'temporal.db'),
    ui: true,
  });
  claimServer(folder, server);
  process.env['TEMPORAL_ADDRESS'] = server.address;
  say(`Temporal is at ${server.address}, its Web UI at ${server.uiUrl ?? '-'}`);
  if (server.address !== '127.0.0.1:7233')
    say(`In other terminals: export TEMPORAL_ADDRESS=${server.address}`);
  try {
    for (const signal of STOPS) process.off(signal, exitAtOnce);
    await runWorker(process.env);
  } finally {
    await server.stop();
    releaseServer(folder);
  }
}

const STOPS = ['SIGINT', 'SIGTERM'] as const;

/** As a shell says it of a process that Ctrl-C ended; what was started ends with this process. */
const exitAtOnce = () => process.exit(130);

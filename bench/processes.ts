import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/* What processes cost, as Linux counts it in /proc; on other systems there is no figure. */

/** Milliseconds of a tick in /proc, on every Linux that Node runs on. */
const TICK_MS = 10;

/** Fields of /proc/PID/stat after the name, which may hold spaces. Source: proc_pid_stat(5). */
function statOf(pid: number): { parent: number; ownMs: number; childrenMs: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const at = (field: number) => fields[field - 3] ?? 0;
    return { parent: at(4), ownMs: (at(14) + at(15)) * TICK_MS, childrenMs: (at(16) + at(17)) * TICK_MS };
  } catch {
    return null;
  }
}

/** CPU milliseconds of a process, with its threads. */
export function cpuMsOf(pid: number): number | null {
  return statOf(pid)?.ownMs ?? null;
}

/** The same with its children, those that have ended too. */
export function cpuMsWithChildren(pid: number): number | null {
  const own = statOf(pid);
  if (own === null) return null;
  const children = readdirSync('/proc').map((name) => statOf(Number(name)));
  const living = children.reduce((sum, child) => sum + (child?.parent === pid ? child.ownMs : 0), 0);
  return own.ownMs + own.childrenMs + living;
}

export function parentOf(pid: number): number | null {
  return statOf(pid)?.parent ?? null;
}

/** The most memory that a process has had since it started or `forgetPeak`, in MB. */
export function peakMbOf(pid: number): number | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1_024;
  } catch {
    return null;
  }
}

/** @returns false where it cannot be forgotten: the peak is that of all that went before then. */
export function forgetPeak(pid: number): boolean {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
    return true;
  } catch {
    return false;
  }
}

/** What a program took that has run to its end. */
export interface ScriptFigures {
  readonly ms: number;
  readonly cpuMs: number | null;
  readonly peakMb: number | null;
}

interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

const SCRIPT_MS_MAX = 30 * 60_000;

/** Runs a program, and counts from its start to its end. @throws Error with the end of its output where it fails. */
export async function runScript(
  command: string,
  args: readonly string[],
  where: Surroundings,
): Promise<ScriptFigures> {
  const { figures } = await runToEnd(command, args, where);
  return figures;
}

/** The same, but counts what the program says that it took, in a line `{"ms":…}`. @throws Error where it does not. */
export async function runTimedScript(
  command: string,
  args: readonly string[],
  where: Surroundings,
): Promise<ScriptFigures> {
  const { figures, output } = await runToEnd(command, args, where);
  const said = /^\{"ms":([\d.]+)\}$/m.exec(output)?.[1];
  if (said === undefined) throw new Error(`${args.join(' ')} did not say how long it took: ${output}`);
  return { ...figures, ms: Number(said) };
}

async function runToEnd(
  command: string,
  args: readonly string[],
  where: Surroundings,
): Promise<{ figures: ScriptFigures; output: string }> {
  const beginMs = performance.now();
  const child = spawn(command, args, { ...where, stdio: ['ignore', 'pipe', 'pipe'], timeout: SCRIPT_MS_MAX });
  // A signal to the bench alone does not reach it.
  const kill = () => child.kill('SIGKILL');
  process.on('exit', kill);
  let output = '';
  const keep = (part: Buffer) => (output = (output + String(part)).slice(-4_000));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  let cpuMs: number | null = null;
  let peakMb: number | null = null;
  let ms = NaN;
  child.once('exit', () => (ms = performance.now() - beginMs));
  const look = setInterval(() => {
    cpuMs = cpuMsOf(child.pid ?? 0) ?? cpuMs;
    peakMb = peakMbOf(child.pid ?? 0) || peakMb;
  }, 50);
  try {
    // Its last words may still be under way when it has ended.
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code ?? signal}: ${output}`);
    return { figures: { ms, cpuMs, peakMb }, output };
  } finally {
    clearInterval(look);
    process.off('exit', kill);
  }
}

import process from 'node:process';

/*
 * glibc keeps most of what was freed, in an arena for each few threads; told otherwise, a worker takes 20 to 50 MB less in
 * the same time. It reads its settings when a process starts, so the process begins again as itself: the same id, the same
 * arguments, and of the open files the first three.
 */

const SETTINGS = {
  MALLOC_ARENA_MAX: '1',
  /** Larger pieces have pages of their own, which go back once they are freed. In bytes; glibc raises it where it is not set. */
  MALLOC_MMAP_THRESHOLD_: '131072',
} as const;

/** Says that the process has begun again. The settings do not: glibc takes them out of a privileged one's environment. */
const SETTLED = 'ROWCAST_ALLOCATOR';

/**
 * Begins this process again where glibc is not told yet how to keep memory; whoever set one of the two is left alone. To be
 * called before more is loaded, which would be loaded twice.
 */
export function settleAllocator(): void {
  const { execPath, execArgv, argv, env } = process;
  if (env[SETTLED] !== undefined || Object.keys(SETTINGS).some((name) => env[name] !== undefined)) return;
  if (process.platform !== 'linux' || needsItsFiles() || !mayStartProcesses()) return;
  process.execve?.(execPath, [execPath, ...execArgv, ...argv.slice(1)], {
    ...env,
    ...SETTINGS,
    [SETTLED]: 'settled',
  });
}

function mayStartProcesses(): boolean {
  // It is only there where Node was told to restrict what a process may do.
  const { permission } = process as Partial<NodeJS.Process>;
  return permission?.has('child') ?? true;
}

/** Whether it was handed open files beyond the first three: a channel to its parent, or a file named by its number. */
function needsItsFiles(): boolean {
  const { channel, execArgv, argv, env } = process;
  const words = [...Object.values(env), ...execArgv, ...argv];
  return channel !== undefined || words.some((word) => /\/(dev|self)\/fd\//.test(word ?? ''));
}

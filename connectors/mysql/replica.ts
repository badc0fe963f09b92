/** A row of a server's answer, by the names of its columns. */
export type StatusRow = Readonly<Record<string, unknown>>;

/** Asks a server what it replicates, in the words of its version. */
export function replicaQuery(version: string): string {
  if (/mariadb/i.test(version)) return 'SHOW ALL SLAVES STATUS';
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number);
  const isOld = major < 8 || (major === 8 && minor === 0 && patch < 22);
  return isOld ? 'SHOW SLAVE STATUS' : 'SHOW REPLICA STATUS';
}

/**
 * How many seconds the data of a server is behind what it replicates from: `none` where it is no replica, `unknown`
 * where it replicates but does not now. Of several sources the slowest counts.
 */
export function secondsBehind(rows: readonly StatusRow[]): number | 'none' | 'unknown' {
  if (rows.length === 0) return 'none';
  const seconds = rows.map((row) => row['Seconds_Behind_Source'] ?? row['Seconds_Behind_Master'] ?? null);
  return seconds.includes(null) ? 'unknown' : Math.max(...seconds.map(Number));
}

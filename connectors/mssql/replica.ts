/** Azure SQL Database by `SERVERPROPERTY('EngineEdition')`, where a view has another name. */
const AZURE_DATABASE = '5';

/**
 * Asks a readable secondary when what it last replayed was committed, in milliseconds since 1970; no row where the
 * database is none. The view has it in the local time of the servers.
 */
export function reachQuery(edition: string): string {
  const view =
    edition === AZURE_DATABASE ? 'sys.dm_database_replica_states' : 'sys.dm_hadr_database_replica_states';
  return `SELECT CAST(DATEDIFF_BIG(millisecond, '1970-01-01',
      DATEADD(minute, -DATEPART(tzoffset, SYSDATETIMEOFFSET()), last_commit_time)) AS varchar(20)) AS ms
    FROM ${view} WHERE database_id = DB_ID() AND is_local = 1 AND is_primary_replica = 0`;
}

/**
 * How far the data of a secondary reaches: to the second before that of its newest transaction, since more of that very
 * second may still be on its way.
 *
 * @param committed when that was committed, and `now` the server's clock, both in milliseconds since 1970.
 */
export function reachOf(committed: number, now: number): number {
  return Math.min(now, Math.floor(committed / 1_000) * 1_000 - 1);
}

import { BigQuery } from '@google-cloud/bigquery';
import type { QueryResultsOptions, QueryRowsResponse } from '@google-cloud/bigquery';
import type { BigqueryConfig } from '../../connectors/bigquery/config.ts';
import { openBigqueryDatabase, PEER } from '../../test/connectors/bigqueryDatabase.ts';
import type { Contestant, Task } from './contestant.ts';

export async function start(rows: number): Promise<Contestant | string> {
  if (!PEER.isThere) return PEER.name;
  const database = await openBigqueryDatabase(PEER);
  return {
    server: 'a stand-in for BigQuery (local-bigquery)',
    config: database.config(),
    password: '',
    sql: `SELECT n AS id, CONCAT('person', CAST(n AS STRING), '@example.com') AS email,
      CONCAT('First', CAST(MOD(n, 1000) AS STRING)) AS first_name,
      CONCAT('Last', CAST(MOD(n, 7919) AS STRING)) AS last_name, 'basic' AS plan, MOD(n, 365) AS visits,
      MOD(n, 100000) / 100 AS spent, MOD(n, 2) = 0 AS is_active,
      TIMESTAMP_ADD(TIMESTAMP '2020-01-01 00:00:00+00', INTERVAL n SECOND) AS created_at,
      IF(MOD(n, 5) = 0, 'Wrote "hello" to us', NULL) AS note
      FROM UNNEST(GENERATE_ARRAY(1, ${rows})) AS n`,
    stop: () => database.stop(),
  };
}

/** `@google-cloud/bigquery`, by the pages of a job. */
export async function drain({ config, sql }: Task): Promise<number> {
  const { project, dataset, endpoint } = config as BigqueryConfig;
  const client = new BigQuery({ projectId: project, apiEndpoint: endpoint });
  const [job] = await client.createQueryJob({
    query: sql,
    ...(dataset !== undefined && { defaultDataset: { datasetId: dataset } }),
  });
  let rows = 0;
  let next: QueryResultsOptions | null | undefined = { maxResults: 10_000, autoPaginate: false };
  while (next) {
    const answer: QueryRowsResponse = await job.getQueryResults(next);
    rows += answer[0].length;
    next = answer[1];
  }
  return rows;
}

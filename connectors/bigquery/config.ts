import { z } from 'zod';
import { SecretReference } from '../../secrets/reference.ts';

/** BigQuery, which is reached over HTTPS, and billed to a project. */
export const BigqueryConfig = z.strictObject({
  kind: z.literal('bigquery'),
  project: z
    .string('must be the id of a project, such as "my-project"')
    .regex(
      /^(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$/,
      'must be the id of a project, such as "my-project"',
    ),
  /** Where tables are that the query names without one. */
  dataset: z
    .string('must be the name of a dataset, such as "shop"')
    .regex(/^\w{1,1024}$/, 'must be the name of a dataset of letters, digits and "_", such as "shop"')
    .optional(),
  location: z
    .string('must be a location, such as "EU" or "europe-west3"')
    .regex(/^[A-Za-z][A-Za-z0-9-]{1,62}$/, 'must be a location, such as "EU" or "europe-west3"')
    .optional(),
  /** A service account's key, as the JSON text that Google Cloud hands out; else application default credentials. */
  key: SecretReference.optional(),
  maximumBytesBilled: z
    .int('must be a whole number of bytes')
    .min(1, 'must be at least 1; leave it out for no limit')
    .optional(),
  /** Where the service is reached; over `http://` nothing is signed. */
  endpoint: z
    .url({
      protocol: /^https?$/,
      error: 'must be a URL such as "https://bigquery.googleapis.com"',
    })
    .regex(
      /^https?:\/\/[^/@?#]+$/,
      'must be a URL without path, user and password, such as "https://bigquery.googleapis.com"',
    )
    .default('https://bigquery.googleapis.com'),
});
export type BigqueryConfig = z.output<typeof BigqueryConfig>;

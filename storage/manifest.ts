/** One staged file of finished calls. */
export interface ChunkReference {
  readonly key: string;
  readonly rows: number;
  readonly bytes: number;
}

/**
 * What an extraction staged. Only what the manifest of the finished attempt names exists; everything else in
 * the run's folder is left over from an attempt that died.
 */
export interface Manifest {
  readonly version: 1;
  /** For each lane its chunks, in the order of delivery. */
  readonly lanes: readonly (readonly ChunkReference[])[];
  /** Rows that the query returned: staged calls plus rows that failed in mapping. */
  readonly rows: number;
  /** Rows that could not become a call; listed in `errorFiles`. */
  readonly failed: number;
  readonly errorFiles: readonly string[];
  /** Where each column went, to read a row back out of its call. */
  readonly placements: readonly { readonly column: string; readonly path: readonly string[] }[];
}

/** One failed row as it is stored and downloaded, a line of NDJSON. */
export interface FailedRow {
  /** The row's number in the result, from 1. */
  readonly row: number;
  readonly code: string;
  readonly message: string;
  /** The row: column name to value. */
  readonly data: Record<string, unknown>;
  /** The call, where the row became one. */
  readonly call?: Record<string, unknown>;
}

/** One delivered call beside the row it came from, a line of NDJSON. */
export interface DeliveredCall {
  readonly row: number;
  readonly data: Record<string, unknown>;
  readonly call: Record<string, unknown>;
}

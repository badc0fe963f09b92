import { z } from 'zod';
import { RowcastError } from '../errors.ts';
import type { Mapper, Placement } from '../mapping/mapper.ts';
import type { Storage } from './storage.ts';

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
  /** 1 until 0.5.0, whose chunks are of another form; so that its workers do not try the chunks of later ones. */
  readonly version: 1 | 2;
  /** For each lane its chunks, in the order of delivery. */
  readonly lanes: readonly (readonly ChunkReference[])[];
  /** Rows that the query returned: staged calls plus rows that failed in mapping. */
  readonly rows: number;
  /** Rows that could not become a call; listed in `errorFiles`. */
  readonly failed: number;
  readonly errorFiles: readonly string[];
  /** The columns of the rows; absent in manifests before 0.5.0. */
  readonly columns?: Mapper['columns'];
  /** Where each column went, to read a row back out of its call, and for people. */
  readonly placements: readonly Placement[];
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
  /** The columns of which nothing is in the call, since their value was NULL; absent in what 0.4.0 stored. */
  readonly leftOut?: readonly string[];
}

const ManifestFile = z.object({
  version: z.literal([1, 2]),
  lanes: z.array(z.array(z.object({ key: z.string(), rows: z.int(), bytes: z.int() }))),
  rows: z.int(),
  failed: z.int(),
  errorFiles: z.array(z.string()),
  columns: z.custom<Mapper['columns']>((value) => Array.isArray(value)).exactOptional(),
  // Manifests before 0.5.0 do not say why.
  placements: z.array(
    z.object({ column: z.string(), path: z.array(z.string()), why: z.string().default('') }),
  ),
});

/** Stores the manifest of an attempt and answers its key. @throws RowcastError */
export async function writeManifest(storage: Storage, folder: string, manifest: Manifest): Promise<string> {
  const key = `${folder}/manifest.json`;
  await storage.put(key, Buffer.from(JSON.stringify(manifest)));
  return key;
}

/** @throws RowcastError storage_corrupt where there is no manifest under the key, or not a whole one. */
export async function readManifest(storage: Storage, key: string): Promise<Manifest> {
  const body = await storage.get(key);
  try {
    return ManifestFile.parse(JSON.parse(String(body)));
  } catch (error) {
    throw new RowcastError(
      'storage_corrupt',
      `The manifest ${key} in ${storage.identity.location} is missing, damaged or of another version of Rowcast; the run fails, and its window repeats from the source.`,
      { cause: error },
    );
  }
}

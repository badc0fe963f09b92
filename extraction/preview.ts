import type { Row, Source } from '../connectors/source.ts';
import { renderQuery } from '../definitions/query.ts';
import { createMapper } from '../mapping/createMapper.ts';
import type { CallType, Mapper, MappingOptions, Placement } from '../mapping/mapper.ts';
import { leftOut, rowJson } from '../mapping/rowData.ts';
import { smallBatchWarnings } from './smallBatches.ts';

export interface PreviewReading {
  readonly source: Source;
  readonly query: string;
  /** The value for `{{last_sync_time}}`, in whole Unix seconds. */
  readonly since: number;
  readonly mapping: MappingOptions;
  /** Whether the destination takes `context` and `integrations` once for a whole batch. */
  readonly sharesContext: boolean;
  /** How many rows. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** The first rows of a query beside the calls that they would become. */
export interface PreviewResult {
  readonly type: CallType;
  readonly since: number;
  readonly placements: readonly Placement[];
  readonly rows: readonly PreviewRow[];
  readonly warnings: readonly string[];
}

export type PreviewRow =
  | {
      readonly row: number;
      readonly data: Record<string, unknown>;
      readonly call: Record<string, unknown>;
      /** The columns of which nothing is in the call, since their value is NULL; workers of 0.4.0 do not say. */
      readonly leftOut?: readonly string[];
    }
  | {
      readonly row: number;
      readonly data: Record<string, unknown>;
      readonly code: string;
      readonly message: string;
    };

/** Reads the first rows of a query and stops it. @throws RowcastError as an extraction would. */
export async function readPreview({
  source,
  query,
  since,
  mapping,
  sharesContext,
  limit,
  signal,
}: PreviewReading): Promise<PreviewResult> {
  const result = await source.query({ sql: renderQuery(query, since), pageRows: limit, signal });
  const mapper = createMapper(result.columns, mapping);
  const rows: Row[] = [];
  for await (const page of result.pages) {
    rows.push(...page.slice(0, limit - rows.length));
    if (rows.length >= limit) break;
  }
  const { placements, warnings } = mapper;
  return {
    type: mapping.type,
    since,
    placements,
    rows: rows.map((row, index) => previewRow(index + 1, row, mapper, mapping)),
    warnings: sharesContext ? [...warnings, ...smallBatchWarnings(placements, rows)] : warnings,
  };
}

function previewRow(row: number, cells: Row, mapper: Mapper, { timeZone }: MappingOptions): PreviewRow {
  const data = JSON.parse(rowJson(mapper.columns, cells, timeZone)) as Record<string, unknown>;
  const mapped = mapper.map(cells);
  if (!mapped.ok) return { row, data, code: mapped.code, message: mapped.message };
  const call = JSON.parse(mapped.json) as Record<string, unknown>;
  return { row, data, call, leftOut: leftOut(mapper.placements, call) };
}

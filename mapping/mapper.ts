import type { Column, Row } from '../connectors/source.ts';

/** What a row becomes: the five calls of the Segment spec. */
export const CALL_TYPES = ['identify', 'track', 'page', 'screen', 'group'] as const;
export type CallType = (typeof CALL_TYPES)[number];

/** What the calls of one run need to know besides their rows. */
export interface MappingOptions {
  readonly sync: string;
  readonly type: CallType;
  /** SQL NULL in traits and properties: sent as null, or left out. */
  readonly nulls: 'send' | 'omit';
  /** Columns that, with the row's timestamp, make its messageId; null where the whole row and its window do. */
  readonly messageIdFrom: readonly string[] | null;
  /** IANA name of the zone of date-times without one. */
  readonly timeZone: string;
  readonly duties: PersonDuties;
  readonly limits: MappingLimits;
  readonly window: MappingWindow;
}

/** The window whose rows are mapped. */
export interface MappingWindow {
  /** Tells the windows of a sync apart. */
  readonly id: string;
  /** When the window was first attempted, in milliseconds since 1970: the time of its ULIDs. */
  readonly firstAttemptAtMs: number;
}

/** Which calls a destination takes without a userId or an anonymousId. */
export interface PersonDuties {
  /** An identify that has only an `email` trait; it is sent with an empty userId. */
  readonly identifyByEmail: boolean;
  readonly groupWithoutPerson: boolean;
}

/** Limits of a result. More columns than `columnsWarn` warn, more than `columnsMax` refuse the result. */
export interface MappingLimits {
  readonly columnsWarn: number;
  readonly columnsMax: number;
  readonly columnNameCharsMax: number;
  /** For the columns `userId` and `timestamp`. */
  readonly keyColumnNameCharsMax: number;
  /** Bytes of one value as JSON. */
  readonly valueBytesMax: number;
  /** Bytes of one row as JSON. */
  readonly recordBytesMax: number;
}

/** A finished call, ready to be staged. */
export interface MappedCall {
  readonly ok: true;
  /** Its JSON: `{`, the shared part, `"messageId":"…",`, `"type":"…"`, the rest, `}`. */
  readonly json: string;
  /** Bytes of the shared part: `"context":{…},"integrations":{…},` with its last comma; 0 where there is none. */
  readonly sharedBytes: number;
  readonly messageId: string;
  /** Whether the messageId is a digest of row and window, so that a repetition of the row needs another. */
  readonly repeatable: boolean;
  /** The userId, else anonymousId, else groupId, else email: whose calls keep the query's order. */
  readonly person: string;
}

/** Why a row cannot become a call. Codes are API: stored in imports, shown by the CLI. */
export type RowProblemCode =
  | 'missing_user'
  | 'missing_event'
  | 'missing_group_id'
  | 'missing_timestamp'
  | 'invalid_timestamp'
  | 'invalid_value'
  | 'value_too_large'
  | 'record_too_large';

/** A row that cannot become a call; its message is one sentence that names the column, what is wrong and the fix. */
export interface RowProblem {
  readonly ok: false;
  readonly code: RowProblemCode;
  readonly message: string;
}

/** Where the values of one column go, for people and for reading a row back out of its call. */
export interface Placement {
  readonly column: string;
  /** The path in the call, such as `['userId']`, `['traits', 'plan']`, `['context', 'ip']`. */
  readonly path: readonly string[];
  /** One short clause that says why, such as `reserved` or `not reserved, so a trait`. */
  readonly why: string;
}

/** Maps the rows of one result. */
export interface Mapper {
  readonly columns: readonly Column[];
  readonly placements: readonly Placement[];
  readonly warnings: readonly string[];
  map(row: Row): MappedCall | RowProblem;
}

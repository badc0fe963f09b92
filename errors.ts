/**
 * Every failure that Rowcast can name, and whether waiting cures it.
 *
 * A code is API: it crosses the Temporal wall as the failure's `type`, and is printed by the CLI and stored
 * in imports. Codes are added, never renamed.
 */
export const FAILURES = {
  // What the user wrote.
  definition_invalid: { retryable: false },
  not_found: { retryable: false },
  in_use: { retryable: false },
  revision_conflict: { retryable: false },
  query_multiple_statements: { retryable: false },
  query_not_read_only: { retryable: false },
  query_failed: { retryable: false },
  mapping_invalid: { retryable: false },
  limit_exceeded: { retryable: false },
  secret_missing: { retryable: false },
  secret_refused: { retryable: false },
  // The surroundings of the client.
  temporal_unreachable: { retryable: true },
  no_worker: { retryable: true },
  /** Temporal does not let us prepare the namespace. */
  setup_refused: { retryable: false },
  // The source.
  source_unreachable: { retryable: true },
  source_connection_lost: { retryable: true },
  source_login_refused: { retryable: false },
  source_database_missing: { retryable: false },
  source_permission_denied: { retryable: false },
  source_tls_failed: { retryable: false },
  source_statement_timeout: { retryable: false },
  source_busy: { retryable: true },
  // The SSH tunnel to it.
  tunnel_unreachable: { retryable: true },
  tunnel_broken: { retryable: true },
  tunnel_host_key_changed: { retryable: false },
  tunnel_host_key_unknown: { retryable: false },
  tunnel_login_refused: { retryable: false },
  tunnel_forwarding_refused: { retryable: false },
  tunnel_key_missing: { retryable: false },
  /** What was to be saved does not work. */
  connection_test_failed: { retryable: false },
  // The storage.
  storage_unreachable: { retryable: true },
  storage_full: { retryable: true },
  storage_mismatch: { retryable: false },
  storage_corrupt: { retryable: false },
  // The destination.
  destination_unavailable: { retryable: true },
  destination_refused: { retryable: false },
  destination_rejects_everything: { retryable: false },
  // A webhook.
  webhook_unavailable: { retryable: true },
  webhook_refused: { retryable: false },
  // The run as a whole.
  nothing_delivered: { retryable: false },
  too_many_failed_rows: { retryable: false },
  books_not_closed: { retryable: false },
  gave_up: { retryable: false },
  run_lost: { retryable: false },
  run_overlaps: { retryable: false },
  nothing_to_retry: { retryable: false },
  cancelled: { retryable: false },
  /** A bug of Rowcast's own. */
  internal_error: { retryable: false },
} as const satisfies Record<string, { retryable: boolean }>;

export type FailureCode = keyof typeof FAILURES;

export interface RowcastErrorOptions {
  readonly cause?: unknown;
  /** How long to wait before another try, in milliseconds, where the other side said so. */
  readonly retryAfterMs?: number;
  /** The fingerprint of an SSH server that is not known yet. */
  readonly unknownHostKey?: string;
}

/**
 * A failure that Rowcast expects and can explain. Its message is one or more whole sentences for the user:
 * what happened, where, and what to do. It never holds a secret.
 *
 * A bug is never a `RowcastError`: it keeps its own stack.
 */
export class RowcastError extends Error {
  override readonly name: string = 'RowcastError';
  readonly code: FailureCode;
  readonly retryAfterMs: number | undefined;
  readonly unknownHostKey: string | undefined;

  constructor(code: FailureCode, message: string, options: RowcastErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.unknownHostKey = options.unknownHostKey;
  }

  /** Whether the same attempt may succeed later without anybody changing anything. */
  get retryable(): boolean {
    return FAILURES[this.code].retryable;
  }
}

/** Whether a string, as it comes back over the Temporal wall, is one of the failure codes. */
export function isFailureCode(text: string | null | undefined): text is FailureCode {
  return text !== null && text !== undefined && Object.hasOwn(FAILURES, text);
}

/** The text of anything thrown, for a message that explains it. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The form of a staged line, which delivery cuts into batches without parsing it:
 *
 *     RRRRRRRRRR SSSSSS {"context":{…},"messageId":"…","type":"identify",…}\n
 *
 * R: the row's number, ten digits. S: bytes of the shared part after the brace, six digits (see `MappedCall`).
 */
export const LINE_PREFIX_BYTES = 18;

/** A staged call, as views into its chunk's buffer. */
export interface StagedCall {
  readonly row: number;
  /** The call's JSON, without prefix and line feed. */
  readonly json: Buffer;
  /** The part of `json` right after its brace that holds for a whole batch where the destination says so; may be empty. */
  readonly shared: Buffer;
  /** Offset in the chunk just after this line. */
  readonly end: number;
}

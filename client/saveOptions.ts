/** How a change of a definition is saved. */
export interface ApplyOptions {
  /** Refuses with `revision_conflict` unless the definition is at this revision; 0: must not exist yet. */
  readonly ifRevision?: number;
  readonly signal?: AbortSignal;
}

/** How a change of an integration is saved. */
export interface SaveOptions extends ApplyOptions {
  /**
   * Whether a change of how the source is reached is tried out first, and refused where it does not work; true by
   * default. Where it is false, a pending key of the tunnel stays pending.
   */
  readonly test?: boolean;
}

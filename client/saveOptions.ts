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
  /** Asked whether the SSH server of a tunnel is the right one where it is not known yet; absent: none is. */
  readonly acceptHostKey?: AcceptHostKey;
}

/** An SSH server without a host key by which it is known. */
export interface UnknownServer {
  readonly integration: string;
  readonly host: string;
  readonly port: number;
  /** What its host key is, in the form of `tunnel.hostKey`; this very one is saved where it is accepted. */
  readonly fingerprint: string;
}

export type AcceptHostKey = (server: UnknownServer) => boolean | Promise<boolean>;

/**
 * Named objects in a folder or a bucket. Keys are relative paths of `/`-separated segments, each of
 * `[A-Za-z0-9._=-]`; no key is a part of another's path. An object, once it can be seen, is whole; it is never
 * changed.
 */
export interface Storage {
  readonly identity: StorageIdentity;
  /**
   * Creates an object; durable once it resolves.
   *
   * @param body must not change before it resolves, or `wasRead` is called.
   * @param wasRead called before, where the storage has no more use for the body by then.
   * @throws RowcastError where the key exists already, the storage is full or out of reach.
   */
  put(key: string, body: Uint8Array, wasRead?: () => void): Promise<void>;
  /**
   * An object's bytes from a position on, none from its end on; null where there is no object.
   *
   * @param memory may be used for them where it has room, and is theirs then until the caller uses it again: much that
   *   is read one after another makes no garbage so.
   * @throws RowcastError
   */
  get(key: string, from?: number, memory?: Buffer): Promise<Buffer | null>;
  /** The keys below a folder (`runs/people`), in ascending order of their bytes. Empty where the folder is not there. */
  list(folder: string): Promise<string[]>;
  /** Removes a folder and all below it, or one object; nothing there is fine. */
  remove(key: string): Promise<void>;
  /** Removes objects, however many; what is not there is fine. */
  removeObjects(keys: readonly string[]): Promise<void>;
  /** A new place for a job's own temporary files. @throws RowcastError */
  scratch(): Promise<Scratch>;
}

/** What tells one storage from another, wherever it is mounted. */
export interface StorageIdentity {
  /** A ULID, kept in the storage itself. */
  readonly id: string;
  /** Where this process finds it, for messages: a path or a URL. */
  readonly location: string;
}

/** Temporary files that nobody else sees; disposing removes them. */
export interface Scratch extends AsyncDisposable {
  /** Adds bytes to the end of a file, which is created where it is missing. @throws RowcastError */
  append(file: string, bytes: Uint8Array): Promise<void>;
  /** A file's bytes, in blocks in memory of the caller's; each block is overwritten by the next. @throws RowcastError */
  read(file: string, memory: Buffer): AsyncIterable<Buffer>;
}

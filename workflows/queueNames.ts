/** The task queue of a storage's short activities, named after the storage alone. */
export const storageControlQueue = (storageId: string) => `rowcast-storage-${storageId}`;

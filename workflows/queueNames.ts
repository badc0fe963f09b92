/** The task queue on which webhooks are told, so that one that does not answer holds up nothing else. */
export const alertQueue = (taskQueue: string) => `${taskQueue}-alerts`;

/** The task queue of a storage's short activities, named after the storage alone. */
export const storageControlQueue = (storageId: string) => `rowcast-storage-${storageId}`;

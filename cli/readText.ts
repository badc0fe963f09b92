import { readFile } from 'node:fs/promises';
import { messageOf, RowcastError } from '../errors.ts';

/** Reads a file that the user named. @throws RowcastError definition_invalid */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    // What follows the comma is the path again.
    const [reason = ''] = messageOf(error).split(',');
    throw new RowcastError(
      'definition_invalid',
      `The file ${path} cannot be read: ${reason}; correct its path.`,
    );
  }
}

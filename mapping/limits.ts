import type { Column } from '../connectors/source.ts';
import { RowcastError } from '../errors.ts';
import type { MappingLimits } from './mapper.ts';

/**
 * Holds the columns of a result against their limits.
 *
 * @throws RowcastError limit_exceeded
 */
export function checkColumns(columns: readonly Column[], limits: MappingLimits): void {
  if (columns.length > limits.columnsMax) {
    throw new RowcastError(
      'limit_exceeded',
      `The query returns ${columns.length} columns, more than the limit of ${limits.columnsMax} (\`limits.columnsMax\`); select fewer.`,
    );
  }
  for (const { name } of columns) {
    const isKey = ['userid', 'timestamp'].includes(name.toLowerCase());
    const limit = isKey ? 'keyColumnNameCharsMax' : 'columnNameCharsMax';
    const chars = charactersOf(name);
    if (chars > limits[limit]) {
      throw new RowcastError(
        'limit_exceeded',
        `The column name ${JSON.stringify(name)} is ${chars} characters long, more than the limit of ${limits[limit]} (\`limits.${limit}\`); shorten it with \`AS\`.`,
      );
    }
  }
}

/** What is allowed, but not recommended. */
export function columnWarnings(columns: readonly Column[], limits: MappingLimits): string[] {
  if (columns.length <= limits.columnsWarn) return [];
  return [
    `The query returns ${columns.length} columns, more than the ${limits.columnsWarn} that are recommended; more than ${limits.columnsMax} are refused.`,
  ];
}

/** How many characters a text has: an emoji, two units of UTF-16, is one. */
export function charactersOf(text: string): number {
  return Array.from(text).length;
}

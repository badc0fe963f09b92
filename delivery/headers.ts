import type { DestinationDefinition } from '../definitions/destination.ts';
import { RowcastError } from '../errors.ts';
import { isSealed } from '../secrets/reference.ts';
import type { ResolveSecret } from '../secrets/resolve.ts';

/** What a header's value may hold. Source: RFC 9110, section 5.5. */
const VALUE = /^[\x20-\x7e]*$/;

/** The user's own headers of a destination, with their secrets. @throws RowcastError secret_missing, definition_invalid */
export async function ownHeaders(
  definition: DestinationDefinition,
  secrets: ResolveSecret,
): Promise<Record<string, string>> {
  const headers: Record<string, string> = {};
  if (definition.kind !== 'http') return headers;
  for (const [name, value] of Object.entries(definition.headers ?? {})) {
    const text =
      typeof value === 'string' && !isSealed(value) ? value : await secrets(value, `headers.${name}`);
    if (!VALUE.test(text)) throw unsendable(definition.name, name);
    headers[name] = text;
  }
  return headers;
}

/** A secret is only known here. */
function unsendable(destination: string, header: string): RowcastError {
  return new RowcastError(
    'definition_invalid',
    `The secret for the header ${header} of the destination ${destination} holds characters that a header cannot, such as a line break; correct it on the worker, or seal it again.`,
  );
}

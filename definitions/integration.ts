import { z } from 'zod';
import { SourceConfig } from '../connectors/config.ts';
import { Name, Title } from './name.ts';
import { TimeZone } from './timeZone.ts';

/** A named source and the destination its rows go to. */
export const IntegrationDefinition = z.strictObject({
  name: Name,
  title: Title.optional(),
  source: SourceConfig,
  destination: Name,
  /** The zone of date-times without one. */
  timezone: TimeZone.default('UTC'),
});
export type IntegrationDefinition = z.output<typeof IntegrationDefinition>;

/** A integration as its author writes it: what has a default may be left out. */
export type IntegrationInput = z.input<typeof IntegrationDefinition>;

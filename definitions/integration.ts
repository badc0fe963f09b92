import { z } from 'zod';
import { SourceConfig, sourceAddress } from '../connectors/config.ts';
import { TunnelConfig } from '../tunnel/config.ts';
import { Name, Title } from './name.ts';
import { TimeZone } from './timeZone.ts';

/** A named source and the destination its rows go to. */
export const IntegrationDefinition = z
  .strictObject({
    name: Name,
    title: Title.optional(),
    source: SourceConfig,
    /** The SSH server through which the source is reached; absent: directly. */
    tunnel: TunnelConfig.optional(),
    destination: Name,
    /** The zone of date-times without one. */
    timezone: TimeZone.default('UTC'),
  })
  .refine(({ source, tunnel }) => tunnel === undefined || sourceAddress(source) !== null, {
    error: 'is for database servers; this source is reached over HTTPS without one, so remove it',
    path: ['tunnel'],
  });
export type IntegrationDefinition = z.output<typeof IntegrationDefinition>;

/** A integration as its author writes it: what has a default may be left out. */
export type IntegrationInput = z.input<typeof IntegrationDefinition>;

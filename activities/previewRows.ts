import { Context } from '@temporalio/activity';
import { Encrypter } from 'age-encryption';
import { destinationProfile } from '../delivery/destination.ts';
import { RowcastError } from '../errors.ts';
import { readPreview } from '../extraction/preview.ts';
import type { PreviewOutcome, PreviewRequest, SealedPreview } from '../workflows/contract.ts';
import type { ActivityDeps } from './deps.ts';
import { heartbeating } from './heartbeat.ts';
import { mappingOptions } from './mappingOptions.ts';
import { openIntegration } from './openIntegration.ts';

/** Temporal warns of payloads above 512 KiB and refuses them above 2 MiB; sealing in base64 adds a third. */
const ANSWER_BYTES_MAX = 1_000_000;

/**
 * Reads the first rows beside the calls they would become. Whatever comes of it, an expected failure too, is
 * sealed to the one who asked, since both may hold row data and results lie readable in Temporal's history.
 */
export async function previewRows(request: PreviewRequest, deps: ActivityDeps): Promise<SealedPreview> {
  using heart = heartbeating(() => undefined, deps.settings);
  const outcome = await outcomeOf(request, deps, Context.current().cancellationSignal);
  heart.now();
  const encrypter = new Encrypter();
  encrypter.addRecipient(request.recipient);
  return { sealed: Buffer.from(await encrypter.encrypt(fitted(outcome))).toString('base64') };
}

async function outcomeOf(
  request: PreviewRequest,
  deps: ActivityDeps,
  signal: AbortSignal,
): Promise<PreviewOutcome> {
  try {
    const source = await openIntegration(request.integration, deps, signal);
    try {
      const window = { id: 'preview', firstAttemptAtMs: Date.now() };
      const mapping = mappingOptions({ ...request, window });
      const { sharesContext } = destinationProfile(request.destination);
      const { since, limit, sync } = request;
      const reading = { source, query: sync.query, since, mapping, sharesContext, limit, signal };
      const preview = await readPreview(reading);
      return { ok: true, preview };
    } finally {
      await source.close();
    }
  } catch (error) {
    if (!(error instanceof RowcastError)) throw error;
    return { ok: false, code: error.code, message: deps.redact(error.message) };
  }
}

/** The outcome as JSON, with as many of its rows as an answer may hold. */
function fitted(outcome: PreviewOutcome): string {
  const whole = JSON.stringify(outcome);
  if (!outcome.ok || Buffer.byteLength(whole) <= ANSWER_BYTES_MAX) return whole;
  const { preview } = outcome;
  const rows = preview.rows.slice(0, Math.floor(preview.rows.length / 2));
  const cut = `The rows are large; only the first ${rows.length} are shown.`;
  const warnings = [...preview.warnings.filter((warning) => !warning.startsWith('The rows are large;')), cut];
  return fitted({ ok: true, preview: { ...preview, rows, warnings } });
}

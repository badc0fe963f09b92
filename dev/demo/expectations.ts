/*
 * The calls that the demo's syncs ought to send, written by PostgreSQL itself. It knows nothing of Rowcast's
 * mapping; what is said here is read off the product's documentation: reserved columns at the top, the rest in
 * traits or properties, dots nest, ids are text, date-times are ISO 8601 in UTC, and a number of more than 15
 * significant digits is text.
 */

/** A timestamptz in ISO 8601, with as many decimals as it has. */
const iso = (column: string) =>
  `rtrim(rtrim(to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), '0'), '.') || 'Z'`;

/** A number, as text where it has more than 15 digits. */
const exact = (column: string) =>
  `CASE WHEN length(ltrim(replace(trim_scale(${column}::numeric)::text, '.', ''), '-0')) > 15
     THEN to_jsonb(${column}::text) ELSE to_jsonb(trim_scale(${column}::numeric)) END`;

/** Leaves out of a call what is NULL among its reserved fields. */
const reserved = (fields: string) => `jsonb_strip_nulls(jsonb_build_object(${fields}))`;

/** For each sync, the query of its expected calls; `$1` is the window's start in Unix seconds. */
export const EXPECTATIONS: Readonly<Record<string, string>> = {
  people: `
    SELECT ${reserved(`'type', 'identify', 'userId', id::text`)} || jsonb_build_object('traits', jsonb_build_object(
      'email', email, 'first_name', first_name, 'plan', plan, 'balance', ${exact('balance')},
      'loyalty_points', ${exact('loyalty_points')}, 'is_subscribed', is_subscribed, 'birthday', birthday::text,
      'profile', profile, 'company', jsonb_build_object('id', company_id), 'created_at', ${iso('created')})) AS call
    FROM people WHERE extract(epoch FROM last_updated) > $1`,
  orders: `
    SELECT ${reserved(`'type', 'track', 'userId', person_id::text, 'event', 'Order placed', 'timestamp', ${iso('ordered')}`)}
      || jsonb_build_object('properties', jsonb_build_object('order_id', id,
        'cart', jsonb_build_object('product_name', product, 'quantity', quantity), 'price', ${exact('price')}, 'note', note)) AS call
    FROM orders WHERE extract(epoch FROM last_updated) > $1`,
  'page-views': `
    SELECT ${reserved(`'type', 'page', 'userId', person_id::text, 'anonymousId', visitor::text, 'event', page,
        'name', page, 'timestamp', ${iso('viewed')}`)}
      || jsonb_build_object('properties', jsonb_build_object('url', url, 'seconds', ${exact('seconds')})) AS call
    FROM page_views WHERE extract(epoch FROM last_updated) > $1`,
  'screen-views': `
    SELECT ${reserved(`'type', 'screen', 'userId', person_id::text, 'name', screen, 'timestamp', ${iso('viewed')},
        'context', jsonb_build_object('device', jsonb_build_object('model', device ->> 'model'))`)}
      || jsonb_build_object('properties', jsonb_build_object('name', screen, 'os', device -> 'os')) AS call
    FROM screen_views WHERE extract(epoch FROM last_updated) > $1`,
  companies: `
    SELECT ${reserved(`'type', 'group', 'groupId', c.id::text, 'userId', p.id::text`)}
      || jsonb_build_object('traits', jsonb_build_object('name', c.name, 'industry', c.industry,
        'employees', c.employees, 'revenue', ${exact('c.revenue')},
        'relationshipAttributes', jsonb_build_object('job_title', 'Owner', 'primary_contact', true))) AS call
    FROM companies c JOIN people p ON p.id = c.id * 100 - 1 WHERE extract(epoch FROM c.last_updated) > $1`,
};

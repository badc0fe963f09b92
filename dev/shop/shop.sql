-- A believable shop: people, what they bought, looked at and opened, and the companies that they belong to.
-- Everything is computed from its number, so that it is the same each time.

CREATE TABLE companies (
  id int PRIMARY KEY,
  name text NOT NULL,
  industry text,
  employees int,
  revenue numeric(20, 2),
  last_updated timestamptz NOT NULL
);
INSERT INTO companies
SELECT n,
  (ARRAY['Müller & Söhne', 'O''Brien "Tools" Ltd', 'Łódź Dynamics', '株式会社ほしぞら', 'Acme \ Co', 'Café Ångström'])[1 + n % 6] || ' ' || n,
  CASE WHEN n % 7 = 0 THEN NULL ELSE (ARRAY['retail', 'software', 'logistics'])[1 + n % 3] END,
  n * 13,
  n * 1234567.89,
  now() - interval '2 days'
FROM generate_series(1, 200) n;

CREATE TABLE people (
  id bigint PRIMARY KEY,
  company_id int NOT NULL REFERENCES companies,
  email text,
  first_name text,
  plan text,
  balance numeric(30, 10),
  loyalty_points bigint,
  is_subscribed boolean,
  birthday date,
  profile jsonb,
  created timestamptz NOT NULL,
  last_updated timestamptz NOT NULL
);
INSERT INTO people
SELECT
  -- Every hundredth id is beyond what a double can hold.
  CASE WHEN n % 100 = 0 THEN 9007199254740993 + n ELSE n END,
  1 + n % 200,
  'person' || n || '@example.com',
  CASE WHEN n % 11 = 0 THEN NULL
    ELSE (ARRAY['Zoë', '🦄 Ünal', 'Renée "Rae"', 'O''Neil', E'Tab\tby', '陳大文', 'Back\slash', E'Two\nlines', 'أمل', 'Ann'])[1 + n % 10] END,
  (ARRAY['free', 'pro', 'team'])[1 + n % 3],
  CASE WHEN n % 5 = 0 THEN 12345678901234567890.0123456789 ELSE n + 0.25 END,
  CASE WHEN n % 13 = 0 THEN 9223372036854775807 - n ELSE n * 3 END,
  CASE WHEN n % 17 = 0 THEN NULL ELSE n % 2 = 0 END,
  date '1950-01-01' + n % 20000,
  jsonb_build_object('tags', jsonb_build_array('a' || n % 5, '✓'), 'size', jsonb_build_object('cm', n % 200, 'note', NULL)),
  timestamptz '2024-01-01 00:00:00.123456+00' + n * interval '37 seconds',
  now() - interval '2 days'
FROM generate_series(1, 20000) n;

CREATE TABLE orders (
  id int PRIMARY KEY,
  person_id bigint NOT NULL,
  product text NOT NULL,
  quantity int NOT NULL,
  price numeric(12, 2) NOT NULL,
  note text,
  ordered timestamptz NOT NULL,
  last_updated timestamptz NOT NULL
);
INSERT INTO orders
SELECT n,
  (SELECT CASE WHEN p % 100 = 0 THEN 9007199254740993 + p ELSE p END FROM (SELECT 1 + n % 20000 AS p) AS person),
  (ARRAY['Mug "Nº 1"', 'T-shirt 👕', 'Poster', 'Sticker'])[1 + n % 4],
  1 + n % 3,
  (n % 9000) / 100.0,
  CASE WHEN n % 4 = 0 THEN NULL ELSE 'note ' || n END,
  timestamptz '2025-06-01 08:00:00+00' + n * interval '61 seconds',
  now() - interval '2 days'
FROM generate_series(1, 60000) n;

CREATE TABLE page_views (
  id int PRIMARY KEY,
  person_id bigint,
  visitor uuid NOT NULL,
  page text NOT NULL,
  url text NOT NULL,
  seconds double precision,
  viewed timestamptz NOT NULL,
  last_updated timestamptz NOT NULL
);
INSERT INTO page_views
SELECT n,
  CASE WHEN n % 3 = 0 THEN NULL ELSE 1 + n % 99 END,
  md5('visitor ' || n % 5000)::uuid,
  (ARRAY['Home', 'Products', 'Über uns', 'Cart'])[1 + n % 4],
  'https://shop.example.com/' || n % 500 || '?q=a%20b&r="c"',
  n / 8.0,
  timestamptz '2025-06-01 08:00:00+00' + n * interval '53 seconds',
  now() - interval '2 days'
FROM generate_series(1, 60000) n;

CREATE TABLE screen_views (
  id int PRIMARY KEY,
  person_id bigint NOT NULL,
  screen text NOT NULL,
  device jsonb NOT NULL,
  viewed timestamptz NOT NULL,
  last_updated timestamptz NOT NULL
);
INSERT INTO screen_views
SELECT n,
  1 + n % 99,
  (ARRAY['Start', 'Basket', 'Profile ⚙'])[1 + n % 3],
  jsonb_build_object('model', 'Phone ' || n % 3, 'os', jsonb_build_object('name', 'droid', 'version', (10 + n % 3)::text)),
  timestamptz '2025-06-01 08:00:00+00' + n * interval '71 seconds',
  now() - interval '2 days'
FROM generate_series(1, 10000) n;

CREATE INDEX ON companies (last_updated);
CREATE INDEX ON people (last_updated);
CREATE INDEX ON orders (last_updated);
CREATE INDEX ON page_views (last_updated);
CREATE INDEX ON screen_views (last_updated);

-- What Rowcast's own user may do: read these tables, and nothing else.
CREATE ROLE rowcast LOGIN PASSWORD 'demo-password';
GRANT CONNECT ON DATABASE shop TO rowcast;
GRANT USAGE ON SCHEMA public TO rowcast;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO rowcast;

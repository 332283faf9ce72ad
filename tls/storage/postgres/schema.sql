-- Certificates and the keys that gateways share. Values are sealed by the
-- gateways: who reads this database learns names and dates, no key.
SELECT pg_advisory_xact_lock(hashtext('tandem tls schema'));

CREATE TABLE IF NOT EXISTS tls_values (
  key      text PRIMARY KEY,
  value    bytea NOT NULL,
  modified timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE SEQUENCE IF NOT EXISTS tls_lock_tokens;

-- A lock is held while expires lies ahead; each time it is taken it has a
-- higher token.
CREATE TABLE IF NOT EXISTS tls_locks (
  name    text PRIMARY KEY,
  token   bigint NOT NULL,
  expires timestamptz NOT NULL
);

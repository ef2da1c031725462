-- SPDX-License-Identifier: Apache-2.0
-- The catalog, version 1. What is derived from the repository (repository, pack, chunk, backup
-- and what hangs on it, mark) can be rebuilt from it; run, event and verification are this host's own
-- history and cannot. Ids are blobs, times are microseconds since 1970 UTC, sizes are bytes,
-- *_no are numbers of this file alone and mean nothing outside it. For people there are the
-- views at the end: ids in hex, times as RFC 3339.
--
-- A version is changed by a new script that follows this one, never by editing this one once it
-- has been released. The script runs in one transaction and ends by setting user_version.

PRAGMA application_id = 0x50474b43; -- "PGKC"

-- The one repository that this file is about.
CREATE TABLE repository (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  repository_id BLOB NOT NULL CHECK (length(repository_id) = 16)
) STRICT;

-- A pack is here because its chunks were indexed, or because a backup's closure names it;
-- when neither holds any more it goes.
CREATE TABLE pack (
  pack_no INTEGER PRIMARY KEY,
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
  suffix BLOB NOT NULL CHECK (length(suffix) = 4),
  size INTEGER NOT NULL CHECK (size >= 0),
  pack_id BLOB NOT NULL CHECK (length(pack_id) = 16),
  owner BLOB NOT NULL CHECK (length(owner) = 16),
  indexed INTEGER NOT NULL CHECK (indexed IN (0, 1)),
  UNIQUE (sha256, suffix)
) STRICT;

-- Where chunks lie: tens of millions of rows.
CREATE TABLE chunk (
  chunk_id BLOB NOT NULL CHECK (length(chunk_id) = 32),
  pack_no INTEGER NOT NULL REFERENCES pack,
  record INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  stored INTEGER NOT NULL,
  plain INTEGER NOT NULL,
  codec INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  PRIMARY KEY (chunk_id, pack_no)
) STRICT, WITHOUT ROWID;
CREATE INDEX chunk_by_pack ON chunk (pack_no);

-- The clear part of a manifest. sequence counts per host; kind, flags and the masks are the
-- numbers of docs/FORMAT.md 7 (the masks and flags are 64 bits each, shown as signed numbers).
CREATE TABLE backup (
  backup_no INTEGER PRIMARY KEY,
  backup_id BLOB NOT NULL UNIQUE CHECK (length(backup_id) = 16),
  digest BLOB NOT NULL CHECK (length(digest) = 32),
  host_id BLOB NOT NULL CHECK (length(host_id) = 16),
  sequence INTEGER NOT NULL,
  previous BLOB CHECK (length(previous) = 32),
  source_mac BLOB NOT NULL CHECK (length(source_mac) = 32),
  domain_id BLOB NOT NULL CHECK (length(domain_id) = 16),
  kind INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  compat INTEGER NOT NULL,
  ro_compat INTEGER NOT NULL,
  incompat INTEGER NOT NULL,
  set_id BLOB CHECK (length(set_id) = 16),
  set_ordinal INTEGER,
  set_planned INTEGER,
  started_us INTEGER NOT NULL,
  committed_us INTEGER NOT NULL
) STRICT;
CREATE INDEX backup_by_host ON backup (host_id, sequence);
CREATE INDEX backup_by_time ON backup (committed_us, backup_id);

-- The private part, once it has been opened. No keys: they are never put here.
CREATE TABLE backup_private (
  backup_no INTEGER PRIMARY KEY REFERENCES backup ON DELETE CASCADE,
  source TEXT,
  database TEXT,
  server_version TEXT,
  server_number INTEGER NOT NULL,
  system_id TEXT NOT NULL, -- decimal: it fills 64 bits
  standby INTEGER NOT NULL,
  encoding TEXT,
  server_host TEXT,
  server_port TEXT,
  server_user TEXT,
  pgkeep_version TEXT,
  dump_version TEXT,
  host_name TEXT,
  time_zone TEXT,
  rows INTEGER NOT NULL,
  payload_bytes INTEGER NOT NULL,
  stored_bytes INTEGER NOT NULL,
  new_chunks INTEGER NOT NULL,
  dump_bytes INTEGER NOT NULL,
  filters TEXT NOT NULL -- what was dumped, a line a filter of pg_dump; '': all
) STRICT;

CREATE INDEX backup_private_by_source ON backup_private (source);

CREATE TABLE backup_tag (
  backup_no INTEGER NOT NULL REFERENCES backup ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  tag TEXT NOT NULL, -- K or K=V
  PRIMARY KEY (backup_no, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE backup_member (
  backup_no INTEGER NOT NULL REFERENCES backup ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  name TEXT,
  sha256 BLOB CHECK (length(sha256) = 32),
  length INTEGER NOT NULL,
  toc_entries INTEGER NOT NULL,
  data_entries INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  payload_bytes INTEGER NOT NULL,
  codec INTEGER NOT NULL,
  PRIMARY KEY (backup_no, ordinal)
) STRICT, WITHOUT ROWID;

-- The closure.
CREATE TABLE backup_pack (
  backup_no INTEGER NOT NULL REFERENCES backup ON DELETE CASCADE,
  pack_no INTEGER NOT NULL REFERENCES pack,
  PRIMARY KEY (backup_no, pack_no)
) STRICT, WITHOUT ROWID;
CREATE INDEX backup_pack_by_pack ON backup_pack (pack_no);
CREATE TRIGGER backup_pack_gone AFTER DELETE ON backup_pack BEGIN
  DELETE FROM pack WHERE pack_no = OLD.pack_no AND indexed = 0
    AND NOT EXISTS (SELECT 1 FROM backup_pack WHERE pack_no = OLD.pack_no);
END;

-- What one table held at one time; a table that does not change is here once, however many
-- backups have it. key is SHA-256 over the other columns.
CREATE TABLE table_state (
  table_no INTEGER PRIMARY KEY,
  key BLOB NOT NULL UNIQUE CHECK (length(key) = 32),
  schema TEXT NOT NULL,
  name TEXT NOT NULL,
  entry TEXT NOT NULL,
  rows INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  digest BLOB NOT NULL CHECK (length(digest) = 32),
  content BLOB NOT NULL CHECK (length(content) = 24),
  is_rows INTEGER NOT NULL,
  counted INTEGER NOT NULL, -- 0: nobody could count its rows
  oid TEXT NOT NULL,
  root_schema TEXT NOT NULL, -- of a partition: the top of its tree; else ''
  root_name TEXT NOT NULL
) STRICT;
CREATE INDEX table_state_by_name ON table_state (schema, name);

CREATE TABLE backup_table (
  backup_no INTEGER NOT NULL REFERENCES backup ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  table_no INTEGER NOT NULL REFERENCES table_state,
  PRIMARY KEY (backup_no, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX backup_table_by_table ON backup_table (table_no);
CREATE TRIGGER backup_table_gone AFTER DELETE ON backup_table BEGIN
  DELETE FROM table_state WHERE table_no = OLD.table_no
    AND NOT EXISTS (SELECT 1 FROM backup_table WHERE table_no = OLD.table_no);
END;
CREATE TRIGGER backup_table_moved AFTER UPDATE OF table_no ON backup_table
WHEN OLD.table_no <> NEW.table_no BEGIN
  DELETE FROM table_state WHERE table_no = OLD.table_no
    AND NOT EXISTS (SELECT 1 FROM backup_table WHERE table_no = OLD.table_no);
END;

-- What hosts said about backups: the marks that count in this store. type is the number of
-- docs/FORMAT.md 3.6; of a backup that is not here any more some may stay.
CREATE TABLE mark (
  backup_id BLOB NOT NULL CHECK (length(backup_id) = 16),
  nonce BLOB NOT NULL CHECK (length(nonce) = 16), -- <r> of its name
  type INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  host_id BLOB NOT NULL CHECK (length(host_id) = 16),
  refers_to BLOB CHECK (length(refers_to) = 16), -- <r> of another mark or a tombstone
  of_replica INTEGER NOT NULL, -- 1: about this store alone
  has_text INTEGER NOT NULL,
  text TEXT, -- NULL also where it was never opened
  PRIMARY KEY (backup_id, nonce)
) STRICT, WITHOUT ROWID;

-- This host's history. Backups are named by id, not referred to: history outlives them.
CREATE TABLE run (
  run_no INTEGER PRIMARY KEY,
  command TEXT NOT NULL,
  started_us INTEGER NOT NULL,
  ended_us INTEGER,
  exit_code INTEGER,
  summary TEXT,
  backup_id BLOB CHECK (length(backup_id) = 16)
) STRICT;

CREATE TABLE event (
  event_no INTEGER PRIMARY KEY,
  at_us INTEGER NOT NULL,
  type TEXT NOT NULL,
  backup_id BLOB CHECK (length(backup_id) = 16),
  text TEXT
) STRICT;

-- rank: 1 confirmed, 2 verified, 3 rehearsed; ok = 0 means that damage was found.
CREATE TABLE verification (
  verification_no INTEGER PRIMARY KEY,
  at_us INTEGER NOT NULL,
  backup_id BLOB NOT NULL CHECK (length(backup_id) = 16),
  level TEXT NOT NULL,
  rank INTEGER NOT NULL CHECK (rank BETWEEN 1 AND 3),
  ok INTEGER NOT NULL CHECK (ok IN (0, 1)),
  text TEXT
) STRICT;
CREATE INDEX verification_by_backup ON verification (backup_id, ok, rank, verification_no);

-- Holds that stand: not released, and not past their time. Where no key could open the text the
-- reason is NULL, and so is the time: such a hold stands.
CREATE VIEW hold AS
SELECT backup_id, nonce, at_us, host_id, reason, until FROM (
  SELECT m.backup_id, m.nonce, m.at_us, m.host_id,
    substr(m.text, instr(m.text, char(10)) + 1) AS reason,
    nullif(substr(m.text, 1, instr(m.text, char(10)) - 1), '') AS until
  FROM mark m WHERE m.type = 1 AND NOT EXISTS (
    SELECT 1 FROM mark r WHERE r.backup_id = m.backup_id AND r.type = 2
      AND r.refers_to = m.nonce))
WHERE until IS NULL OR until > strftime('%Y-%m-%dT%H:%M:%SZ', 'now');

-- Which verification decides about a backup: the latest failure that no later success of at
-- least its rank has answered, else the best success (the latest of those), else none. What
-- another host found out, and said so in a mark (types 4 confirmed to 6 rehearsed), counts as a
-- success of that rank; a failure seen here stays one.
CREATE VIEW backup_state AS
SELECT s.backup_no,
  CASE WHEN s.ok = 0 THEN 'damaged'
    ELSE CASE max(s.rank, s.mark_rank) WHEN 0 THEN 'committed' WHEN 1 THEN 'confirmed'
      WHEN 2 THEN 'verified' ELSE 'rehearsed' END END AS state,
  CASE WHEN s.ok = 1 AND s.mark_rank > s.rank THEN s.mark_us ELSE s.at_us END AS state_us
FROM (SELECT b.backup_no, coalesce(d.ok, 1) AS ok, coalesce(d.rank, 0) AS rank,
    coalesce(d.at_us, b.committed_us) AS at_us,
    coalesce((SELECT max(m.type) - 3 FROM mark m
      WHERE m.backup_id = b.backup_id AND m.type BETWEEN 4 AND 6), 0) AS mark_rank,
    (SELECT m.at_us FROM mark m
      WHERE m.backup_id = b.backup_id AND m.type BETWEEN 4 AND 6
      ORDER BY m.type DESC, m.at_us DESC LIMIT 1) AS mark_us
  FROM backup b LEFT JOIN verification d ON d.verification_no = coalesce(
    (SELECT max(f.verification_no) FROM verification f
     WHERE f.backup_id = b.backup_id AND f.ok = 0 AND NOT EXISTS (
       SELECT 1 FROM verification g WHERE g.backup_id = f.backup_id AND g.ok = 1
         AND g.rank >= f.rank AND g.verification_no > f.verification_no)),
    (SELECT g.verification_no FROM verification g
     WHERE g.backup_id = b.backup_id AND g.ok = 1
     ORDER BY g.rank DESC, g.verification_no DESC LIMIT 1))) s;

-- One row a backup.
CREATE VIEW v_backups AS
SELECT
  lower(hex(b.backup_id)) AS backup_id, -- 32 hex digits
  p.source AS source,                   -- name; NULL from here to filters: never opened
  p.database AS database,
  p.server_version AS server_version,   -- as the server says it
  p.server_number AS server_number,     -- 150018 and the like
  p.system_id AS system_id,             -- of the cluster, decimal
  p.standby AS standby,                 -- 1: dumped from a standby
  p.server_host AS server_host,
  p.server_port AS server_port,
  p.host_name AS host_name,             -- the machine that ran the backup
  p.pgkeep_version AS pgkeep_version,
  p.dump_version AS dump_version,       -- of pg_dump
  p.rows AS rows,                       -- rows in all tables
  p.payload_bytes AS payload_bytes,     -- bytes of table data before compression
  p.stored_bytes AS stored_bytes,       -- bytes that this backup added to the repository
  p.new_chunks AS new_chunks,           -- chunks that it added
  p.dump_bytes AS dump_bytes,           -- bytes of all members as they came
  p.filters AS filters,                 -- what was dumped, a line a filter; "": all
  CASE b.kind WHEN 1 THEN 'nightly' WHEN 2 THEN 'weekly' WHEN 3 THEN 'pre-deploy'
    WHEN 4 THEN 'manual' ELSE CAST(b.kind AS TEXT) END AS kind,
  strftime('%Y-%m-%dT%H:%M:%SZ', b.started_us / 1000000, 'unixepoch') AS started_at,
  strftime('%Y-%m-%dT%H:%M:%SZ', b.committed_us / 1000000, 'unixepoch') AS committed_at,
  (b.committed_us - b.started_us) / 1e6 AS seconds, -- from start to commit
  lower(hex(b.host_id)) AS host_id,
  b.sequence AS sequence,               -- of the host, from 1
  lower(hex(b.digest)) AS manifest_sha256,
  b.flags & 1 AS suspect,               -- 1 or 0, as the five below
  (b.flags >> 1) & 1 AS during_migration,
  (b.flags >> 2) & 1 AS imported,
  (b.flags >> 3) & 1 AS unchecked,
  (b.flags >> 4) & 1 AS assembled,
  EXISTS (SELECT 1 FROM mark a WHERE a.backup_id = b.backup_id AND a.type = 3)
    AS acked,                           -- 1: a keeper has accepted it, suspect or not
  EXISTS (SELECT 1 FROM hold h WHERE h.backup_id = b.backup_id)
    AS held,                            -- 1: whatever the retention says
  (SELECT count(*) FROM backup_table t WHERE t.backup_no = b.backup_no) AS tables,
  (SELECT group_concat(tag, ',') FROM (SELECT tag FROM backup_tag t
    WHERE t.backup_no = b.backup_no ORDER BY ordinal)) AS tags, -- NULL: none
  s.state AS state,                     -- committed, confirmed, verified, rehearsed, damaged
  strftime('%Y-%m-%dT%H:%M:%SZ', s.state_us / 1000000, 'unixepoch') AS state_at
FROM backup b JOIN backup_state s USING (backup_no)
  LEFT JOIN backup_private p USING (backup_no);

-- One row a backup and table (or other entry with data).
CREATE VIEW v_tables AS
SELECT
  lower(hex(b.backup_id)) AS backup_id,
  p.source AS source,
  strftime('%Y-%m-%dT%H:%M:%SZ', b.committed_us / 1000000, 'unixepoch') AS committed_at,
  l.ordinal AS ordinal,                 -- place in the dump, from 0
  t.schema AS schema,
  t.name AS name,
  t.entry AS entry,                     -- TABLE DATA, BLOBS and the like
  CASE WHEN t.counted THEN t.rows END AS rows, -- NULL: nobody could count them
  t.bytes AS bytes,                     -- of the data as COPY text, uncompressed
  lower(hex(t.digest)) AS digest,       -- over the data in its order
  lower(hex(t.content)) AS content,     -- the same for the same rows in any order
  t.is_rows AS is_rows,                 -- 1: stored row by row, 0: as bytes
  t.root_schema AS root_schema,         -- of a partition: the table at the top of its tree
  t.root_name AS root_name              -- "" otherwise
FROM backup_table l JOIN backup b USING (backup_no) JOIN table_state t USING (table_no)
  LEFT JOIN backup_private p USING (backup_no);

-- What hosts said about backups.
CREATE VIEW v_marks AS
SELECT
  lower(hex(backup_id)) AS backup_id,
  lower(hex(nonce)) AS mark,            -- 32 hex digits, the end of its name
  CASE type WHEN 1 THEN 'hold' WHEN 2 THEN 'release' WHEN 3 THEN 'ack'
    WHEN 4 THEN 'confirmed' WHEN 5 THEN 'verified' WHEN 6 THEN 'rehearsed'
    WHEN 7 THEN 'unforget' WHEN 8 THEN 'deploy start' WHEN 9 THEN 'deploy end'
    ELSE CAST(type AS TEXT) END AS type,
  strftime('%Y-%m-%dT%H:%M:%SZ', at_us / 1000000, 'unixepoch') AS at,
  lower(hex(host_id)) AS host_id,       -- who said so
  lower(hex(refers_to)) AS refers_to,   -- "" where it refers to no other one
  of_replica,                           -- 1: about this store alone
  text                                  -- a reason, or JSON; NULL: none, or never opened
FROM mark;

-- What happened on this host, oldest first by event_no.
CREATE VIEW v_events AS
SELECT
  event_no,                             -- grows
  strftime('%Y-%m-%dT%H:%M:%SZ', at_us / 1000000, 'unixepoch') AS at,
  type,
  lower(hex(backup_id)) AS backup_id,   -- "" where it is about no backup
  text
FROM event;

-- Every check of a backup by this host.
CREATE VIEW v_verifications AS
SELECT
  verification_no,                      -- grows
  strftime('%Y-%m-%dT%H:%M:%SZ', at_us / 1000000, 'unixepoch') AS at,
  lower(hex(backup_id)) AS backup_id,
  level,                                -- how it was checked
  CASE rank WHEN 1 THEN 'confirmed' WHEN 2 THEN 'verified' ELSE 'rehearsed' END AS proves,
  ok,                                   -- 1: nothing wrong; 0: damage was found
  text
FROM verification;

-- Every run of a command that was recorded.
CREATE VIEW v_runs AS
SELECT
  run_no,                               -- grows
  command,
  strftime('%Y-%m-%dT%H:%M:%SZ', started_us / 1000000, 'unixepoch') AS started_at,
  strftime('%Y-%m-%dT%H:%M:%SZ', ended_us / 1000000, 'unixepoch') AS ended_at, -- NULL: killed
  (ended_us - started_us) / 1e6 AS seconds,                                    -- or running
  exit_code,
  summary,
  lower(hex(backup_id)) AS backup_id    -- "" where it made none
FROM run;

-- What each backup costs; sizes are bytes of pack objects.
CREATE VIEW v_storage AS
WITH used AS (SELECT pack_no, count(*) AS backups FROM backup_pack GROUP BY pack_no)
SELECT
  lower(hex(b.backup_id)) AS backup_id,
  p.source AS source,
  strftime('%Y-%m-%dT%H:%M:%SZ', b.committed_us / 1000000, 'unixepoch') AS committed_at,
  count(k.pack_no) AS packs,            -- that it needs
  coalesce(sum(k.size), 0) AS bytes,
  coalesce(sum(k.owner = b.backup_id), 0) AS made_packs, -- of those, made by it
  coalesce(sum(k.size * (k.owner = b.backup_id)), 0) AS made_bytes,
  coalesce(sum(u.backups = 1), 0) AS only_packs, -- that no other backup needs: what
  coalesce(sum(k.size * (u.backups = 1)), 0) AS only_bytes -- forgetting it would free
FROM backup b LEFT JOIN backup_private p USING (backup_no)
  LEFT JOIN backup_pack l USING (backup_no)
  LEFT JOIN pack k USING (pack_no) LEFT JOIN used u USING (pack_no)
GROUP BY b.backup_no;

PRAGMA user_version = 1;

-- SPDX-License-Identifier: Apache-2.0
-- The tables of the shop before they are filled; their keys come afterwards (keys.sql).
CREATE TABLE customers (id bigint, uid uuid NOT NULL, email text NOT NULL, full_name text,
    phone text, address jsonb, created_at timestamptz, updated_at timestamptz,
    balance numeric(12,2), active boolean, notes text);
CREATE TABLE products (id bigint, sku text, name text, description text, price numeric(10,2),
    tags text[], created_at timestamptz);
CREATE TABLE orders (id bigint, uid uuid NOT NULL, customer_id bigint, status text,
    total numeric(12,2), currency char(3), placed_at timestamptz, updated_at timestamptz,
    shipping jsonb, comment text);
CREATE TABLE order_items (order_id bigint, line int, product_id bigint, qty int,
    unit_price numeric(10,2), discount numeric(5,2));
CREATE TABLE events (id text, session_id uuid, customer_id bigint, type text, payload jsonb,
    ip inet, ts timestamptz);
CREATE TABLE messages (id bigint, customer_id bigint, subject text, body text,
    sent_at timestamptz);
CREATE TABLE attachments (id bigint, message_id bigint, filename text, content bytea);
CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL,
    finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text,
    rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(),
    applied_steps_count int NOT NULL DEFAULT 0);
INSERT INTO _prisma_migrations VALUES ('6f9619ff-8b86-4011-b42d-00cf4fc964ff',
    repeat('ab12', 16), '2024-05-01 00:00+00', '20260101000000_init', NULL, NULL,
    '2024-05-01 00:00+00', 1);

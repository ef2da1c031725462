-- SPDX-License-Identifier: Apache-2.0
-- The migration of night 5.
ALTER TABLE orders ADD COLUMN channel text NOT NULL DEFAULT 'web';
INSERT INTO _prisma_migrations VALUES ('1b4e28ba-2fa1-41d2-883f-0016d3cca427',
    repeat('cd34', 16), '2024-05-06 00:00+00', '20260105000000_add_channel', NULL, NULL,
    '2024-05-06 00:00+00', 1);

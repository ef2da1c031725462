-- SPDX-License-Identifier: Apache-2.0
-- What happens to rows that are there, on night :night of a shop of size :tenths. No clock and
-- no concurrency in it, so that rows and their places are the same wherever it runs.
SELECT setseed(0.1 * :night) \g /dev/null

CREATE FUNCTION pg_temp.some_time(night int) RETURNS timestamptz LANGUAGE sql AS $$
    SELECT timestamptz '2024-05-01 00:00+00' + (night + random()) * interval '1 day'
$$;

-- Neighbours: the orders of late move on.
UPDATE orders SET status = (ARRAY['delivered', 'shipped', 'paid'])[1 + floor(random() * 3)],
    updated_at = pg_temp.some_time(:night)
 WHERE id > (SELECT max(id) FROM orders) - 3500 * :tenths AND random() < 0.25;

-- Rows anywhere.
UPDATE orders SET updated_at = pg_temp.some_time(:night), total = total + 1
 WHERE random() < 0.003;
UPDATE customers SET balance = balance + floor(random() * 100),
    updated_at = pg_temp.some_time(:night)
 WHERE random() < 0.01;
UPDATE products SET price = price * 1.01 WHERE random() < 0.02;
DELETE FROM order_items WHERE random() < 0.002;
DELETE FROM events WHERE random() < 0.002;
DELETE FROM messages WHERE random() < 0.002;

-- The bank beside the shop: what pgbench does, but at times of its own.
CREATE PROCEDURE pg_temp.bank_day(night int, transactions int, scale int)
LANGUAGE plpgsql AS $$
DECLARE
    account int;
    teller int;
    branch int;
    delta int;
BEGIN
    FOR i IN 1..transactions LOOP
        account := 1 + floor(random() * 100000 * scale);
        teller := 1 + floor(random() * 10 * scale);
        branch := 1 + floor(random() * scale);
        delta := floor(random() * 10001) - 5000;
        UPDATE pgbench_accounts SET abalance = abalance + delta WHERE aid = account;
        UPDATE pgbench_tellers SET tbalance = tbalance + delta WHERE tid = teller;
        UPDATE pgbench_branches SET bbalance = bbalance + delta WHERE bid = branch;
        INSERT INTO pgbench_history (tid, bid, aid, delta, mtime)
        VALUES (teller, branch, account, delta, timestamp '2024-05-01'
            + night * interval '1 day' + i * interval '2.345678 seconds');
        COMMIT;
    END LOOP;
END $$;
CALL pg_temp.bank_day(:night, 2000 * :tenths, :scale);

SELECT 1
%%
BEGIN
%%
COMMIT
%%
ROLLBACK
%%
select now()
%%
SHOW server_version
%%
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY
%%
SAVEPOINT sp_1
%%
RELEASE SAVEPOINT sp_1
%%
ROLLBACK TO SAVEPOINT sp_1
%%
SET search_path TO tenant_42, public
%%
SET LOCAL statement_timeout = '2s'
%%
SET application_name = 'billing worker'
%%
RESET statement_timeout
%%
DISCARD ALL
%%
DEALLOCATE ALL
%%
LISTEN job_queue
%%
UNLISTEN *
%%
NOTIFY job_queue, 'ready'
%%
SELECT pg_advisory_lock(4711)
%%
SELECT pg_try_advisory_xact_lock($1, $2)
%%
SELECT pg_advisory_unlock(4711)
%%
SELECT set_config('app.tenant', $1, true)
%%
SELECT set_config('app.user', 'u-19', false)
%%
DECLARE rows_c CURSOR WITH HOLD FOR SELECT id FROM invoice ORDER BY id
%%
FETCH 200 FROM rows_c
%%
CLOSE rows_c
%%
CREATE TEMP TABLE staging (id int PRIMARY KEY, body text) ON COMMIT DROP
%%
DROP TABLE IF EXISTS staging
%%
TRUNCATE audit_line
%%
VACUUM (ANALYZE) stock_item
%%
EXPLAIN ANALYZE SELECT * FROM cart WHERE id = 9
%%
COPY stock_item (sku, amount) FROM STDIN WITH (FORMAT csv)
%%
PREPARE find_cart (int) AS SELECT * FROM cart WHERE id = $1
%%
EXECUTE find_cart(12)
%%
LOAD 'auto_explain'
%%
SET TIME ZONE 'Europe/Vienna'
%%
SET NAMES 'UTF8'
%%
SELECT current_setting('TimeZone')
%%
SELECT lastval()
%%
SELECT nextval('invoice_id_seq'::regclass)
%%
;
%%
-- ping
%%
/* keep-alive */ SELECT 1
%%
SELECT "customer"."id", "customer"."name", "customer"."email", "customer"."created_at", "customer"."updated_at", "customer"."country", "customer"."newsletter" FROM "customer" WHERE "customer"."id" = $1 LIMIT $2
%%
SELECT "customer"."id", "customer"."name", "customer"."email", "customer"."created_at", "customer"."updated_at", "customer"."country", "customer"."newsletter" FROM "customer" WHERE ("customer"."name" = 'x7' AND NOT ("customer"."email" IS NULL)) ORDER BY "customer"."id" DESC LIMIT 21
%%
select customer0_.id AS id0_0_, customer0_.name AS name1_0_, customer0_.email AS email2_0_, customer0_.created_at AS created_at3_0_, customer0_.updated_at AS updated_at4_0_, customer0_.country AS country5_0_, customer0_.newsletter AS newsletter6_0_ from customer customer0_ where customer0_.id=$1
%%
SELECT t1."name", count(*) AS "n" FROM "public"."customer" AS t1 GROUP BY t1."name" HAVING count(*) > 3 ORDER BY 2 DESC OFFSET 40 ROWS FETCH NEXT 20 ROWS ONLY
%%
SELECT EXISTS(SELECT 1 FROM customer WHERE name = $1) AS "exists"
%%
INSERT INTO "customer" ("name", "email", "created_at", "updated_at", "country", "newsletter") VALUES ($1, $2, $3, $4, $5, $6) RETURNING "id"
%%
UPDATE customer SET name = $1, email = $2, created_at = $3, updated_at = $4, country = $5, newsletter = $6 WHERE id = $7
%%
DELETE FROM customer WHERE id IN (SELECT id FROM customer WHERE newsletter < now() - interval '30 days' ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED)
%%
INSERT INTO customer (id, name, email, created_at, updated_at, country, newsletter)
VALUES
  (19773, 70240, now(), 247.11, 55643, 64.73, 227.05),
  (430.18, 'a@example.org', 'a@example.org', 48811, now(), NULL, NULL),
  ('it''s fine', now(), 45021, NULL, 19921, NULL, 609.63),
  (NULL, NULL, NULL, 93930, 60516, NULL, now()),
  (460.51, 839.55, now(), 'it''s fine', 13.62, 'pending', 379.78),
  (708.65, 468.99, 51430, 63115, NULL, 105.00, 104.46),
  (896.26, NULL, 78942, NULL, NULL, 'pending', NULL),
  (28.97, 713.33, 'it''s fine', NULL, 'it''s fine', 'EUR', 67848),
  ('pending', NULL, 'north gate', now(), now(), 85588, 'north gate'),
  (NULL, 11371, 95001, 'a@example.org', NULL, 20436, 'north gate'),
  (56861, 'it''s fine', now(), now(), now(), 545.19, 'north gate'),
  ('north gate', 18555, 334.87, 69564, NULL, 520.57, 454.41)
ON CONFLICT (id) DO UPDATE SET email = EXCLUDED.email
%%
SELECT "invoice"."id", "invoice"."customer_id", "invoice"."total_cents", "invoice"."currency", "invoice"."state", "invoice"."issued_on", "invoice"."due_on" FROM "invoice" WHERE "invoice"."id" = $1 LIMIT $2
%%
SELECT "invoice"."id", "invoice"."customer_id", "invoice"."total_cents", "invoice"."currency", "invoice"."state", "invoice"."issued_on", "invoice"."due_on" FROM "invoice" WHERE ("invoice"."customer_id" = 'x7' AND NOT ("invoice"."total_cents" IS NULL)) ORDER BY "invoice"."id" DESC LIMIT 21
%%
select invoice0_.id AS id0_0_, invoice0_.customer_id AS customer_id1_0_, invoice0_.total_cents AS total_cents2_0_, invoice0_.currency AS currency3_0_, invoice0_.state AS state4_0_, invoice0_.issued_on AS issued_on5_0_, invoice0_.due_on AS due_on6_0_ from invoice invoice0_ where invoice0_.id=$1
%%
SELECT t1."customer_id", count(*) AS "n" FROM "public"."invoice" AS t1 GROUP BY t1."customer_id" HAVING count(*) > 3 ORDER BY 2 DESC OFFSET 40 ROWS FETCH NEXT 20 ROWS ONLY
%%
SELECT EXISTS(SELECT 1 FROM invoice WHERE customer_id = $1) AS "exists"
%%
INSERT INTO "invoice" ("customer_id", "total_cents", "currency", "state", "issued_on", "due_on") VALUES ($1, $2, $3, $4, $5, $6) RETURNING "id"
%%
UPDATE invoice SET customer_id = $1, total_cents = $2, currency = $3, state = $4, issued_on = $5, due_on = $6 WHERE id = $7
%%
DELETE FROM invoice WHERE id IN (SELECT id FROM invoice WHERE due_on < now() - interval '30 days' ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED)
%%
INSERT INTO invoice (id, customer_id, total_cents, currency, state, issued_on, due_on)
VALUES
  (NULL, 547.61, 898.33, 26554, 'EUR', NULL, NULL),
  ('pending', 'north gate', now(), 'EUR', NULL, now(), 394.42),
  (81780, NULL, 'it''s fine', 416.19, NULL, 'pending', 55748),
  (34152, NULL, 'EUR', 5664, 'pending', 'pending', 'EUR'),
  (NULL, 19.93, 'it''s fine', now(), 560.50, 'it''s fine', 92632),
  (NULL, now(), NULL, NULL, NULL, NULL, NULL),
  (487.35, 85986, 'pending', 52365, 39276, 'a@example.org', NULL),
  (154.36, 45.91, 752.89, 771.64, 'a@example.org', NULL, 856.57),
  ('north gate', 64133, 549.11, NULL, now(), NULL, 'a@example.org'),
  (NULL, 'pending', NULL, now(), now(), NULL, now()),
  (now(), 27504, 'a@example.org', NULL, now(), now(), now()),
  (NULL, now(), NULL, now(), NULL, NULL, now()),
  (NULL, now(), 72634, 'EUR', 498.06, NULL, NULL),
  (309.61, 'EUR', 513.63, now(), 'it''s fine', 11891, 378.33),
  (now(), NULL, 511.35, 704.64, 'it''s fine', now(), now()),
  (92998, now(), 'it''s fine', 20235, 94600, 180, NULL),
  (69240, 308.67, 268.28, now(), now(), 68981, 'pending'),
  ('EUR', now(), NULL, NULL, now(), 'pending', NULL),
  ('a@example.org', 29272, 'it''s fine', 3098, now(), 93328, 196.23),
  (now(), 49006, NULL, 'north gate', now(), 'north gate', NULL),
  (now(), 32508, NULL, NULL, NULL, 97838, 94578),
  (now(), 'pending', NULL, NULL, 41884, 'it''s fine', 32416),
  ('a@example.org', 74.33, now(), 'EUR', 'EUR', 98039, NULL),
  ('pending', 'it''s fine', NULL, 258.31, now(), 'north gate', 'pending'),
  (195.76, 'north gate', 58867, NULL, 'north gate', 262.04, NULL),
  (NULL, 33.63, now(), 159.81, NULL, now(), NULL),
  (NULL, now(), now(), NULL, 60412, 72293, 380.94),
  ('it''s fine', now(), 64293, now(), 'a@example.org', now(), now()),
  (67882, 19591, 73708, NULL, 'EUR', now(), 66006),
  (now(), now(), NULL, 94.56, 'north gate', 797.92, now()),
  (27.08, now(), 'it''s fine', NULL, now(), 'pending', 'pending'),
  ('pending', NULL, 49394, now(), 72769, NULL, 'EUR'),
  (now(), 30153, 260.39, 86993, now(), 'a@example.org', 64015),
  (NULL, 536.45, 598.38, now(), 'it''s fine', 'north gate', 87225),
  (359.76, now(), 32572, 'north gate', 20869, 'a@example.org', 531.77),
  ('EUR', 66661, 94937, 49173, 97224, 34266, NULL),
  (696.55, 34773, 'north gate', NULL, 'EUR', 481.60, now()),
  ('it''s fine', 600.09, 22485, 'a@example.org', 'north gate', 90784, 'a@example.org'),
  (now(), 14040, 4439, 'pending', NULL, NULL, NULL),
  (NULL, 81039, NULL, 'north gate', 'north gate', NULL, now())
ON CONFLICT (id) DO UPDATE SET total_cents = EXCLUDED.total_cents
%%
SELECT "stock_item"."id", "stock_item"."sku", "stock_item"."warehouse_id", "stock_item"."amount", "stock_item"."reserved", "stock_item"."weight_grams" FROM "stock_item" WHERE "stock_item"."id" = $1 LIMIT $2
%%
SELECT "stock_item"."id", "stock_item"."sku", "stock_item"."warehouse_id", "stock_item"."amount", "stock_item"."reserved", "stock_item"."weight_grams" FROM "stock_item" WHERE ("stock_item"."sku" = 'x7' AND NOT ("stock_item"."warehouse_id" IS NULL)) ORDER BY "stock_item"."id" DESC LIMIT 21
%%
select stock_item0_.id AS id0_0_, stock_item0_.sku AS sku1_0_, stock_item0_.warehouse_id AS warehouse_id2_0_, stock_item0_.amount AS amount3_0_, stock_item0_.reserved AS reserved4_0_, stock_item0_.weight_grams AS weight_grams5_0_ from stock_item stock_item0_ where stock_item0_.id=$1
%%
SELECT t1."sku", count(*) AS "n" FROM "public"."stock_item" AS t1 GROUP BY t1."sku" HAVING count(*) > 3 ORDER BY 2 DESC OFFSET 40 ROWS FETCH NEXT 20 ROWS ONLY
%%
SELECT EXISTS(SELECT 1 FROM stock_item WHERE sku = $1) AS "exists"
%%
INSERT INTO "stock_item" ("sku", "warehouse_id", "amount", "reserved", "weight_grams") VALUES ($1, $2, $3, $4, $5) RETURNING "id"
%%
UPDATE stock_item SET sku = $1, warehouse_id = $2, amount = $3, reserved = $4, weight_grams = $5 WHERE id = $6
%%
DELETE FROM stock_item WHERE id IN (SELECT id FROM stock_item WHERE weight_grams < now() - interval '30 days' ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED)
%%
INSERT INTO stock_item (id, sku, warehouse_id, amount, reserved, weight_grams)
VALUES
  (NULL, NULL, 28144, 503.89, now(), 51721),
  (now(), 'a@example.org', 545.76, NULL, 889.57, now()),
  ('pending', 'EUR', 274.38, NULL, 'a@example.org', 43002)
ON CONFLICT (id) DO UPDATE SET warehouse_id = EXCLUDED.warehouse_id
%%
SELECT "cart"."id", "cart"."customer_id", "cart"."session_key", "cart"."coupon", "cart"."created_at" FROM "cart" WHERE "cart"."id" = $1 LIMIT $2
%%
SELECT "cart"."id", "cart"."customer_id", "cart"."session_key", "cart"."coupon", "cart"."created_at" FROM "cart" WHERE ("cart"."customer_id" = 'x7' AND NOT ("cart"."session_key" IS NULL)) ORDER BY "cart"."id" DESC LIMIT 21
%%
select cart0_.id AS id0_0_, cart0_.customer_id AS customer_id1_0_, cart0_.session_key AS session_key2_0_, cart0_.coupon AS coupon3_0_, cart0_.created_at AS created_at4_0_ from cart cart0_ where cart0_.id=$1
%%
SELECT t1."customer_id", count(*) AS "n" FROM "public"."cart" AS t1 GROUP BY t1."customer_id" HAVING count(*) > 3 ORDER BY 2 DESC OFFSET 40 ROWS FETCH NEXT 20 ROWS ONLY
%%
SELECT EXISTS(SELECT 1 FROM cart WHERE customer_id = $1) AS "exists"
%%
INSERT INTO "cart" ("customer_id", "session_key", "coupon", "created_at") VALUES ($1, $2, $3, $4) RETURNING "id"
%%
UPDATE cart SET customer_id = $1, session_key = $2, coupon = $3, created_at = $4 WHERE id = $5
%%
DELETE FROM cart WHERE id IN (SELECT id FROM cart WHERE created_at < now() - interval '30 days' ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED)
%%
INSERT INTO cart (id, customer_id, session_key, coupon, created_at)
VALUES
  ('north gate', now(), 35891, 36806, 'EUR'),
  ('pending', 33714, 874.55, 867.29, now()),
  (56693, 'it''s fine', 32776, 'EUR', now())
ON CONFLICT (id) DO UPDATE SET session_key = EXCLUDED.session_key
%%
SELECT "ticket"."id", "ticket"."subject", "ticket"."body", "ticket"."state", "ticket"."assignee_id", "ticket"."priority", "ticket"."opened_at", "ticket"."closed_at" FROM "ticket" WHERE "ticket"."id" = $1 LIMIT $2
%%
SELECT "ticket"."id", "ticket"."subject", "ticket"."body", "ticket"."state", "ticket"."assignee_id", "ticket"."priority", "ticket"."opened_at", "ticket"."closed_at" FROM "ticket" WHERE ("ticket"."subject" = 'x7' AND NOT ("ticket"."body" IS NULL)) ORDER BY "ticket"."id" DESC LIMIT 21
%%
select ticket0_.id AS id0_0_, ticket0_.subject AS subject1_0_, ticket0_.body AS body2_0_, ticket0_.state AS state3_0_, ticket0_.assignee_id AS assignee_id4_0_, ticket0_.priority AS priority5_0_, ticket0_.opened_at AS opened_at6_0_, ticket0_.closed_at AS closed_at7_0_ from ticket ticket0_ where ticket0_.id=$1
%%
SELECT t1."subject", count(*) AS "n" FROM "public"."ticket" AS t1 GROUP BY t1."subject" HAVING count(*) > 3 ORDER BY 2 DESC OFFSET 40 ROWS FETCH NEXT 20 ROWS ONLY
%%
SELECT EXISTS(SELECT 1 FROM ticket WHERE subject = $1) AS "exists"
%%
INSERT INTO "ticket" ("subject", "body", "state", "assignee_id", "priority", "opened_at", "closed_at") VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING "id"
%%
UPDATE ticket SET subject = $1, body = $2, state = $3, assignee_id = $4, priority = $5, opened_at = $6, closed_at = $7 WHERE id = $8
%%
DELETE FROM ticket WHERE id IN (SELECT id FROM ticket WHERE closed_at < now() - interval '30 days' ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED)
%%
INSERT INTO ticket (id, subject, body, state, assignee_id, priority, opened_at, closed_at)
VALUES
  ('north gate', 21082, now(), 655.47, 'EUR', 89701, 95566, 33091),
  (NULL, NULL, now(), 60571, 481.82, NULL, 480.37, NULL),
  (NULL, NULL, NULL, 62856, now(), NULL, 852.44, NULL),
  ('a@example.org', NULL, 'it''s fine', 801.11, 'pending', 69573, 'north gate', 18264),
  (now(), 169.69, now(), NULL, 61049, 23661, NULL, 'a@example.org'),
  ('it''s fine', NULL, 798.67, now(), NULL, 414.42, now(), NULL),
  (16721, 416.69, 6515, 842.60, 808.64, 632.18, now(), 'it''s fine'),
  (4847, 806.39, 'pending', now(), 56.63, now(), 75409, 'EUR'),
  (62318, 84477, 55968, 'it''s fine', 283.92, 'EUR', 'pending', 301.80),
  (NULL, 6903, NULL, 170.62, now(), NULL, now(), 279.96),
  (287.07, 85321, 853.39, now(), NULL, NULL, 55378, 'it''s fine'),
  (now(), 88.69, 'EUR', now(), 60991, 554.11, 239.50, NULL)
ON CONFLICT (id) DO UPDATE SET body = EXCLUDED.body
%%
SELECT "audit_line"."id", "audit_line"."actor_id", "audit_line"."verb", "audit_line"."object_kind", "audit_line"."object_id", "audit_line"."happened_at", "audit_line"."detail" FROM "audit_line" WHERE "audit_line"."id" = $1 LIMIT $2
%%
SELECT "audit_line"."id", "audit_line"."actor_id", "audit_line"."verb", "audit_line"."object_kind", "audit_line"."object_id", "audit_line"."happened_at", "audit_line"."detail" FROM "audit_line" WHERE ("audit_line"."actor_id" = 'x7' AND NOT ("audit_line"."verb" IS NULL)) ORDER BY "audit_line"."id" DESC LIMIT 21
%%
select audit_line0_.id AS id0_0_, audit_line0_.actor_id AS actor_id1_0_, audit_line0_.verb AS verb2_0_, audit_line0_.object_kind AS object_kind3_0_, audit_line0_.object_id AS object_id4_0_, audit_line0_.happened_at AS happened_at5_0_, audit_line0_.detail AS detail6_0_ from audit_line audit_line0_ where audit_line0_.id=$1
%%
SELECT t1."actor_id", count(*) AS "n" FROM "public"."audit_line" AS t1 GROUP BY t1."actor_id" HAVING count(*) > 3 ORDER BY 2 DESC OFFSET 40 ROWS FETCH NEXT 20 ROWS ONLY
%%
SELECT EXISTS(SELECT 1 FROM audit_line WHERE actor_id = $1) AS "exists"
%%
INSERT INTO "audit_line" ("actor_id", "verb", "object_kind", "object_id", "happened_at", "detail") VALUES ($1, $2, $3, $4, $5, $6) RETURNING "id"
%%
UPDATE audit_line SET actor_id = $1, verb = $2, object_kind = $3, object_id = $4, happened_at = $5, detail = $6 WHERE id = $7
%%
DELETE FROM audit_line WHERE id IN (SELECT id FROM audit_line WHERE detail < now() - interval '30 days' ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED)
%%
INSERT INTO audit_line (id, actor_id, verb, object_kind, object_id, happened_at, detail)
VALUES
  ('a@example.org', NULL, now(), now(), now(), 10714, 45210),
  (now(), NULL, 458.98, NULL, 26345, now(), now()),
  (264.40, now(), NULL, NULL, 46139, now(), 7310),
  (now(), NULL, now(), 'it''s fine', 'north gate', 4721, now()),
  (12713, now(), 'pending', now(), NULL, 54823, NULL),
  (NULL, 117.19, NULL, NULL, 56631, 51138, 95221),
  ('a@example.org', NULL, now(), 'pending', 'a@example.org', 82.11, 'EUR'),
  ('it''s fine', 76407, 90734, now(), now(), 255.23, NULL),
  (NULL, 68135, now(), now(), 27.67, 'north gate', NULL),
  (32829, 268.02, 'a@example.org', 92098, 93992, NULL, 'north gate'),
  ('a@example.org', now(), now(), now(), 'pending', NULL, 55.41),
  (19219, 47767, 42514, now(), 82997, 273.86, 826.04)
ON CONFLICT (id) DO UPDATE SET verb = EXCLUDED.verb
%%
WITH RECURSIVE tree AS (
    SELECT id, parent_id, title, 1 AS depth FROM category WHERE parent_id IS NULL
    UNION ALL
    SELECT c.id, c.parent_id, c.title, t.depth + 1
    FROM category c JOIN tree t ON t.id = c.parent_id
)
SELECT id, repeat('  ', depth - 1) || title FROM tree ORDER BY depth, title
%%
SELECT c.name, sum(i.total_cents) / 100.0 AS turnover,
       rank() OVER (PARTITION BY c.country ORDER BY sum(i.total_cents) DESC) AS place
FROM customer c
JOIN invoice i ON i.customer_id = c.id AND i.state <> 'void'
LEFT JOIN coupon k ON k.code = i.coupon
WHERE i.issued_on BETWEEN DATE '2024-01-01' AND DATE '2024-12-31'
GROUP BY c.id, c.name, c.country
ORDER BY place
LIMIT 50
%%
SELECT t.id, t.subject, a.name AS assignee, (
    SELECT max(m.sent_at) FROM message m WHERE m.ticket_id = t.id
) AS last_message
FROM ticket t LEFT OUTER JOIN person a ON (t.assignee_id = a.id)
WHERE t.state IN ('open', 'waiting') AND t.priority >= 3
ORDER BY last_message DESC NULLS LAST
%%
WITH moved AS (
    DELETE FROM outbox WHERE id IN (
        SELECT id FROM outbox ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED
    ) RETURNING *
)
INSERT INTO outbox_archive SELECT *, now() FROM moved
%%
MERGE INTO stock_item s USING delivery d ON s.sku = d.sku
WHEN MATCHED THEN UPDATE SET amount = s.amount + d.amount
WHEN NOT MATCHED THEN INSERT (sku, amount) VALUES (d.sku, d.amount)
%%
/*traceparent='00-8532b56c1f27b474402615f619baa4a4-6f066429037fb23b-01',controller='carts',action='show',framework='web%3A5.0'*/ SELECT id, total_cents FROM invoice WHERE customer_id = 301490 AND state = 'open'
%%
SELECT subject FROM ticket WHERE id = 2561980 -- request a558f945ca, shard 0
 LIMIT 1
%%
/*traceparent='00-982355990f7265191ed14e6a2abf1627-f4c1f93ef5866403-01',controller='users',action='show',framework='web%3A5.0'*/ SELECT id, total_cents FROM invoice WHERE customer_id = 489074 AND state = 'open'
%%
SELECT subject FROM ticket WHERE id = 3690796 -- request 821fb9396f, shard 1
 LIMIT 1
%%
/*traceparent='00-ea63fc954b29558fe29bd78f21a16b16-93cce11168134503-01',controller='users',action='list',framework='web%3A5.0'*/ SELECT id, total_cents FROM invoice WHERE customer_id = 255225 AND state = 'open'
%%
SELECT subject FROM ticket WHERE id = 4582820 -- request d64983cdd8, shard 2
 LIMIT 1
%%
/*traceparent='00-91f7442cb1e0ae359c25da8474429bc9-a67dd1a738bbd462-01',controller='users',action='show',framework='web%3A5.0'*/ SELECT id, total_cents FROM invoice WHERE customer_id = 575222 AND state = 'open'
%%
SELECT body FROM ticket WHERE id = 3866171 -- request 8ce44d9ef0, shard 3
 LIMIT 1
%%
/*traceparent='00-780e21047a54c2e39ce070a24dbf5d84-4f7d39dad19e2a95-01',controller='carts',action='show',framework='web%3A5.0'*/ SELECT id, total_cents FROM invoice WHERE customer_id = 349875 AND state = 'open'
%%
SELECT subject FROM ticket WHERE id = 1583804 -- request 8b832fe3f2, shard 4
 LIMIT 1
%%
/*traceparent='00-657e08bc95ef5783f83815f5621789c9-ec97d7e1030a7221-01',controller='users',action='show',framework='web%3A5.0'*/ SELECT id, total_cents FROM invoice WHERE customer_id = 903732 AND state = 'open'
%%
SELECT subject FROM ticket WHERE id = 2717511 -- request 538e80d2fd, shard 5
 LIMIT 1
%%
/*traceparent='00-e0dd06f248e9f6594519feb07dccdf5b-375504a5fccd7d53-01',controller='users',action='show',framework='web%3A5.0'*/ SELECT id, total_cents FROM invoice WHERE customer_id = 809636 AND state = 'open'
%%
SELECT subject FROM ticket WHERE id = 1330154 -- request 118d16c274, shard 6
 LIMIT 1
%%
/*traceparent='00-70a2ee42591631cddf0bbe3e9b1dda1b-0fe0564ca8603999-01',controller='users',action='list',framework='web%3A5.0'*/ SELECT id, total_cents FROM invoice WHERE customer_id = 371315 AND state = 'open'
%%
SELECT subject FROM ticket WHERE id = 4369871 -- request fd39a48c48, shard 7
 LIMIT 1
%%
-- Report of the week.
-- Owner: accounting; runs each Monday before seven.
-- The totals are checked against the ledger by hand.
SELECT date_trunc('week', issued_on) AS week, currency, sum(total_cents)
FROM invoice /* only those that were sent /* not drafts */ */
WHERE state IN ('sent', 'paid') -- not void
GROUP BY 1, 2
%%
INSERT INTO event (stream, seq, payload) VALUES ('order-346', 1, '{"kind":"order.created","version":3,"customer":{"id":5775,"name":"Ada O''Neill","tags":["new","web"]},"lines":[{"sku":"K-88823","count":3,"price":6928}],"note":"leave it at the door -- please"}'::jsonb)
%%
INSERT INTO event (stream, seq, payload) VALUES ('order-408', 5, '{"kind":"order.created","version":3,"customer":{"id":9371,"name":"Ada O''Neill","tags":["new","web"]},"lines":[{"sku":"K-18393","count":4,"price":4634},{"sku":"K-67865","count":2,"price":7886},{"sku":"K-35217","count":3,"price":6867},{"sku":"K-13548","count":1,"price":6824},{"sku":"K-72083","count":2,"price":8257}],"note":"leave it at the door -- please"}'::jsonb)
%%
INSERT INTO event (stream, seq, payload) VALUES ('order-971', 20, '{"kind":"order.created","version":3,"customer":{"id":171,"name":"Ada O''Neill","tags":["new","web"]},"lines":[{"sku":"K-19613","count":7,"price":4676},{"sku":"K-81449","count":2,"price":6318},{"sku":"K-59282","count":8,"price":4819},{"sku":"K-94774","count":6,"price":4899},{"sku":"K-46263","count":7,"price":8719},{"sku":"K-72792","count":7,"price":5375},{"sku":"K-00887","count":8,"price":6336},{"sku":"K-58201","count":5,"price":3118},{"sku":"K-70370","count":5,"price":2475},{"sku":"K-57101","count":7,"price":9628},{"sku":"K-30401","count":2,"price":5508},{"sku":"K-42450","count":4,"price":5438},{"sku":"K-26780","count":7,"price":275},{"sku":"K-03353","count":1,"price":4303},{"sku":"K-74048","count":8,"price":5012},{"sku":"K-70313","count":5,"price":8922},{"sku":"K-81264","count":7,"price":8577},{"sku":"K-67800","count":7,"price":6481},{"sku":"K-60850","count":6,"price":767},{"sku":"K-77952","count":6,"price":7523}],"note":"leave it at the door -- please"}'::jsonb)
%%
INSERT INTO event (stream, seq, payload) VALUES ('order-68', 80, '{"kind":"order.created","version":3,"customer":{"id":5100,"name":"Ada O''Neill","tags":["new","web"]},"lines":[{"sku":"K-88668","count":2,"price":8705},{"sku":"K-30052","count":2,"price":6809},{"sku":"K-49076","count":9,"price":6668},{"sku":"K-85005","count":9,"price":9505},{"sku":"K-20214","count":4,"price":7001},{"sku":"K-63795","count":7,"price":7311},{"sku":"K-81869","count":6,"price":8785},{"sku":"K-97841","count":2,"price":2897},{"sku":"K-47543","count":6,"price":6107},{"sku":"K-09842","count":5,"price":8498},{"sku":"K-23015","count":2,"price":4931},{"sku":"K-90425","count":6,"price":8437},{"sku":"K-55167","count":3,"price":8686},{"sku":"K-38002","count":9,"price":3504},{"sku":"K-66177","count":4,"price":6854},{"sku":"K-23909","count":1,"price":9356},{"sku":"K-79054","count":2,"price":5886},{"sku":"K-74694","count":1,"price":6840},{"sku":"K-01407","count":1,"price":5125},{"sku":"K-93145","count":9,"price":164},{"sku":"K-39906","count":7,"price":1713},{"sku":"K-76835","count":1,"price":583},{"sku":"K-25776","count":3,"price":8256},{"sku":"K-72516","count":5,"price":8807},{"sku":"K-67416","count":3,"price":9512},{"sku":"K-26024","count":7,"price":9958},{"sku":"K-15926","count":3,"price":2668},{"sku":"K-67951","count":9,"price":1847},{"sku":"K-03806","count":2,"price":1347},{"sku":"K-22353","count":9,"price":8135},{"sku":"K-61279","count":7,"price":1117},{"sku":"K-85210","count":1,"price":9583},{"sku":"K-42313","count":3,"price":4003},{"sku":"K-46380","count":5,"price":2875},{"sku":"K-04312","count":5,"price":1729},{"sku":"K-76318","count":2,"price":5816},{"sku":"K-25121","count":8,"price":6418},{"sku":"K-02563","count":1,"price":3705},{"sku":"K-51904","count":1,"price":7303},{"sku":"K-07155","count":4,"price":4185},{"sku":"K-29216","count":1,"price":2711},{"sku":"K-76939","count":3,"price":5257},{"sku":"K-00808","count":8,"price":5075},{"sku":"K-54838","count":5,"price":8219},{"sku":"K-08851","count":4,"price":6486},{"sku":"K-88462","count":4,"price":6874},{"sku":"K-40522","count":7,"price":8036},{"sku":"K-02940","count":4,"price":1533},{"sku":"K-22737","count":3,"price":5971},{"sku":"K-49678","count":3,"price":225},{"sku":"K-38103","count":7,"price":9300},{"sku":"K-47571","count":2,"price":5588},{"sku":"K-69960","count":7,"price":5603},{"sku":"K-52848","count":2,"price":2119},{"sku":"K-55349","count":6,"price":9174},{"sku":"K-32105","count":7,"price":3232},{"sku":"K-61213","count":5,"price":5743},{"sku":"K-31087","count":7,"price":672},{"sku":"K-36587","count":1,"price":5693},{"sku":"K-20434","count":4,"price":2227},{"sku":"K-12142","count":4,"price":4518},{"sku":"K-71417","count":3,"price":9192},{"sku":"K-58106","count":8,"price":4035},{"sku":"K-20870","count":6,"price":5882},{"sku":"K-28374","count":7,"price":6275},{"sku":"K-82490","count":4,"price":4970},{"sku":"K-62385","count":9,"price":3449},{"sku":"K-29790","count":8,"price":2245},{"sku":"K-92599","count":5,"price":9864},{"sku":"K-57718","count":6,"price":8859},{"sku":"K-32277","count":7,"price":8459},{"sku":"K-27859","count":3,"price":2111},{"sku":"K-88848","count":9,"price":1598},{"sku":"K-71119","count":5,"price":6404},{"sku":"K-03764","count":3,"price":5191},{"sku":"K-01967","count":7,"price":1509},{"sku":"K-91051","count":3,"price":3893},{"sku":"K-42079","count":4,"price":1885},{"sku":"K-08924","count":9,"price":6022},{"sku":"K-65584","count":5,"price":3259}],"note":"leave it at the door -- please"}'::jsonb)
%%
UPDATE page SET body = E'Dear reader,\n\nthis is the \'second\' edition.\\\nIt has\ttabs.', updated_at = now() WHERE slug = 'welcome'
%%
SELECT * FROM doc WHERE data @> '{"state": "open"}' AND data ->> 'owner' = $1 AND data #>> '{a,b}' LIKE 'x%' 
%%
UPDATE article SET body = 'The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. The quick harbour pilot counts nine barges before noon and writes them down. ' WHERE id = 77
%%
CREATE OR REPLACE FUNCTION touch_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    IF NEW.name IS DISTINCT FROM OLD.name THEN
        INSERT INTO rename_log (row_id, old_name, new_name) VALUES (OLD.id, OLD.name, NEW.name);
    END IF;
    RETURN NEW;
END
$$
%%
DO $body$
DECLARE r record;
BEGIN
    FOR r IN SELECT id FROM customer WHERE newsletter LOOP
        PERFORM queue_letter(r.id, $m$Dear customer, here's the news$m$);
    END LOOP;
END
$body$
%%
SELECT $tag$it's quoted without escapes$tag$ || $$ and so is this $$
%%
SELECT id, email FROM customer WHERE id IN (1475391, 3798779, 4841372, 2116154, 6693653, 4737283, 5970984, 6767563, 7792421, 2217409)
%%
SELECT id FROM stock_item WHERE sku IN ('K-982244','K-289954','K-184962','K-031011','K-384389','K-712639','K-838223','K-695847','K-724518','K-368501')
%%
SELECT id FROM cart WHERE id = ANY(ARRAY[$1,$2,$3,$4,$5,$6,$7,$8,$9,$10]::bigint[])
%%
SELECT id, email FROM customer WHERE id IN (6921788, 423853, 7760834, 4167813, 6719721, 5907485, 1639099, 3047698, 4890164, 1933268, 4544751, 3677430, 678670, 6789109, 671065, 2718129, 7225998, 3323360, 5084773, 2620420, 6387791, 658236, 9266801, 5216321, 3014390, 9471575, 3819417, 9565786, 8353238, 8737229, 4273310, 7296954, 9651518, 5855905, 16304, 1876903, 4803907, 720746, 9816745, 794348, 4101310, 1865414, 622952, 5344406, 3525551, 5799267, 1445137, 7000064, 6604108, 3704421)
%%
SELECT id FROM stock_item WHERE sku IN ('K-294824','K-552940','K-094303','K-365992','K-992332','K-995741','K-444571','K-464055','K-975395','K-356830','K-725217','K-527513','K-774490','K-721855','K-870307','K-879638','K-658612','K-656355','K-474775','K-533367','K-056939','K-709454','K-732174','K-215975','K-449158','K-705819','K-536747','K-887687','K-973215','K-816056','K-133846','K-513289','K-798934','K-198492','K-045814','K-998558','K-736877','K-865260','K-844873','K-586287','K-273886','K-183009','K-572946','K-171648','K-818792','K-668485','K-247468','K-570354','K-272921','K-261820')
%%
SELECT id FROM cart WHERE id = ANY(ARRAY[$1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27,$28,$29,$30,$31,$32,$33,$34,$35,$36,$37,$38,$39,$40,$41,$42,$43,$44,$45,$46,$47,$48,$49,$50]::bigint[])
%%
SELECT id, email FROM customer WHERE id IN (996284, 2819429, 6003321, 5825537, 6906140, 1552553, 3379115, 5210212, 2301674, 2290983, 8161164, 8099672, 3990841, 4055248, 98648, 8646668, 7466382, 2233084, 5896538, 5022634, 2238065, 2380487, 9857516, 9450078, 4039468, 5596405, 1979230, 9198280, 7124197, 2838894, 2596964, 7737297, 6813208, 3461566, 1920627, 4854323, 207557, 6047865, 8163939, 3463368, 728077, 1012201, 4712436, 5098657, 3307010, 1855482, 5182762, 7516497, 1895630, 2706494, 5443715, 7467078, 7862801, 9549351, 6089725, 4857101, 2820172, 9353830, 1204912, 764709, 181432, 7860322, 8145756, 1408813, 5565424, 9456535, 4436414, 1825403, 8201984, 7285345, 8193042, 3184461, 9111234, 5399127, 139287, 6027979, 1526185, 4797833, 4217995, 4127002, 1311053, 2326203, 464201, 424347, 6631583, 2434999, 4971347, 6172133, 3116112, 8815360, 2826276, 1714247, 5206794, 5480672, 6364866, 3096116, 5976830, 5371320, 3862550, 6182836, 2287453, 9246498, 6195424, 4253863, 4016126, 968416, 692111, 1799123, 9510492, 6764949, 848038, 3631293, 8294318, 7096427, 8380725, 2642118, 5025988, 9749511, 1346083, 2380481, 3816805, 2745392, 2320293, 7435468, 6734134, 1504265, 670134, 7373631, 8043021, 3201332, 3662052, 6249336, 47016, 537228, 8578026, 7137772, 2401863, 4752260, 1207863, 927751, 8633924, 7066699, 5681917, 1052229, 7360055, 147605, 2957520, 2759261, 6355591, 4961700, 70356, 7434918, 9451838, 5840191, 9521325, 3278535, 7865793, 1426766, 9105359, 5430696, 8670129, 7725489, 7186941, 8970699, 2589809, 6733821, 1366315, 1006775, 5562349, 4983483, 9479518, 9581895, 7065596, 6184731, 8065349, 2295999, 5021620, 5761444, 8898704, 467106, 3168287, 3732651, 7505204, 1429530, 2464876, 9715208, 6241291, 9309296, 9743674, 6985646, 6039819, 8891564, 4030531, 9476024, 7404925, 6649535, 4380217, 1916858, 3812532, 3028316)
%%
SELECT id FROM stock_item WHERE sku IN ('K-933226','K-212673','K-574740','K-786271','K-117726','K-232008','K-904055','K-877995','K-265804','K-681233','K-099578','K-196651','K-556559','K-702797','K-263762','K-743544','K-513045','K-238017','K-580934','K-480411','K-237560','K-567518','K-600527','K-730568','K-118508','K-771319','K-538113','K-953422','K-617041','K-594398','K-084126','K-892902','K-427847','K-712501','K-077043','K-839212','K-460878','K-140808','K-905422','K-527571','K-577307','K-531875','K-749318','K-879282','K-793668','K-994144','K-120181','K-657033','K-756652','K-540181','K-107053','K-482332','K-870540','K-719283','K-411003','K-570740','K-179575','K-200955','K-590384','K-498188','K-812626','K-097639','K-143448','K-391501','K-813867','K-648844','K-060351','K-423999','K-248410','K-049516','K-390435','K-043766','K-015909','K-736029','K-623177','K-223487','K-482037','K-314500','K-126393','K-741791','K-142182','K-446668','K-952669','K-931794','K-091966','K-651345','K-914490','K-211393','K-590306','K-120284','K-962074','K-763585','K-913074','K-371890','K-176167','K-384809','K-781645','K-882350','K-357979','K-843171','K-800712','K-771827','K-713577','K-012213','K-865737','K-268033','K-128684','K-250925','K-391135','K-538110','K-773062','K-550198','K-994082','K-374300','K-756841','K-512742','K-045618','K-856210','K-633125','K-370612','K-104486','K-373021','K-575494','K-343265','K-842029','K-632346','K-118457','K-035806','K-970308','K-954445','K-708018','K-254227','K-266970','K-371568','K-202531','K-727637','K-468471','K-022318','K-878877','K-609614','K-461246','K-119094','K-829611','K-021975','K-511756','K-115781','K-077338','K-839588','K-270975','K-194269','K-157544','K-581170','K-976329','K-304124','K-916188','K-720543','K-702091','K-399320','K-876827','K-151249','K-616894','K-917927','K-262420','K-564589','K-723014','K-798432','K-847449','K-281768','K-994854','K-465662','K-014472','K-025961','K-358999','K-158266','K-510836','K-526150','K-507479','K-915469','K-033178','K-839338','K-877824','K-037182','K-078228','K-191140','K-650559','K-858048','K-676003','K-712521','K-629110','K-411634','K-883907','K-498868','K-165973','K-726579','K-886164','K-470378','K-412527','K-240344','K-915429','K-640519')
%%
SELECT id FROM cart WHERE id = ANY(ARRAY[$1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27,$28,$29,$30,$31,$32,$33,$34,$35,$36,$37,$38,$39,$40,$41,$42,$43,$44,$45,$46,$47,$48,$49,$50,$51,$52,$53,$54,$55,$56,$57,$58,$59,$60,$61,$62,$63,$64,$65,$66,$67,$68,$69,$70,$71,$72,$73,$74,$75,$76,$77,$78,$79,$80,$81,$82,$83,$84,$85,$86,$87,$88,$89,$90,$91,$92,$93,$94,$95,$96,$97,$98,$99,$100,$101,$102,$103,$104,$105,$106,$107,$108,$109,$110,$111,$112,$113,$114,$115,$116,$117,$118,$119,$120,$121,$122,$123,$124,$125,$126,$127,$128,$129,$130,$131,$132,$133,$134,$135,$136,$137,$138,$139,$140,$141,$142,$143,$144,$145,$146,$147,$148,$149,$150,$151,$152,$153,$154,$155,$156,$157,$158,$159,$160,$161,$162,$163,$164,$165,$166,$167,$168,$169,$170,$171,$172,$173,$174,$175,$176,$177,$178,$179,$180,$181,$182,$183,$184,$185,$186,$187,$188,$189,$190,$191,$192,$193,$194,$195,$196,$197,$198,$199,$200]::bigint[])
%%
SELECT id, email FROM customer WHERE id IN (8673777, 1273115, 6055442, 5524274, 8862724, 3629153, 5222026, 2196489, 9885527, 732427, 3546371, 2847561, 6056326, 7847708, 5559453, 9681166, 7858539, 6507569, 5933805, 5274082, 100464, 5628843, 9716720, 8110740, 5599890, 3802003, 344138, 4173164, 7707583, 761376, 2446600, 2410064, 4574592, 6449685, 4585852, 1065067, 8388637, 4396766, 5986677, 9545579, 9622183, 8860862, 9804807, 2333623, 572298, 9405785, 1598064, 3342760, 7151322, 9592709, 1660820, 6088627, 4724189, 3993612, 2367998, 1208473, 5100205, 5729425, 6084311, 8538044, 4113822, 5879237, 9239887, 6810920, 5610766, 1014167, 5657552, 5422396, 8077663, 8451242, 6162028, 4083944, 3939537, 5859208, 2530170, 2275328, 3445405, 121342, 7602208, 6794463, 7474557, 6645023, 9541655, 5073602, 2833995, 9844751, 1112754, 2412814, 5058155, 5175711, 4229833, 9594866, 9248784, 5712092, 1233135, 3191651, 9786894, 1342715, 9813379, 2998817, 5104254, 9738847, 5930574, 7849597, 5989076, 7185174, 1136608, 8128827, 5356249, 2939923, 4628365, 4320792, 9168495, 387084, 2760945, 4497151, 3974548, 336644, 3662706, 800179, 6703733, 7514830, 3361278, 4741835, 8420756, 1670506, 3300262, 4055652, 952953, 2164501, 815391, 1330575, 1232199, 9654984, 5723721, 2292866, 84727, 3157086, 4540463, 9008349, 251776, 5417301, 462609, 3560568, 5394678, 5481958, 454406, 8159166, 6800106, 5666922, 2927706, 963819, 6950329, 762763, 1462941, 5612310, 8293984, 6703461, 4312036, 7774195, 228172, 431862, 5316561, 9464687, 5258596, 939819, 6964810, 5522492, 2628632, 1567810, 312079, 2620459, 3531303, 2393405, 8883237, 1507735, 6003639, 6068768, 7100646, 5773175, 9037231, 9873208, 9311268, 2573791, 9646463, 5550564, 3858812, 4325685, 8012144, 530719, 5188401, 9218964, 7602781, 9383498, 4668475, 6062530, 8779892, 8885787, 4595755, 2212322, 4243218, 151672, 9363903, 7981989, 1674211, 6081721, 2526534, 3828018, 6725049, 1508478, 468945, 2250548, 2050552, 1009423, 9114586, 8419662, 3438300, 9315513, 3050424, 4347197, 6133908, 2505097, 2976769, 2719251, 8866726, 487261, 5885920, 4069909, 7408098, 8370781, 3575818, 5775186, 6526805, 7719180, 3558323, 5432996, 444133, 1808656, 258982, 1097883, 6741988, 5883506, 1006391, 3827164, 9465724, 6308098, 6877441, 6300965, 3759486, 515172, 4226664, 348383, 4401013, 7277864, 4057221, 3881924, 5944240, 3409219, 5470135, 7140547, 4675506, 5007334, 8365143, 3634101, 9555015, 2629386, 8008960, 4484151, 2290505, 5034586, 4740670, 1483659, 5562121, 65969, 8146201, 4189823, 2711160, 5364821, 7600882, 3557905, 9717771, 874561, 3520166, 6045911, 774927, 7366478, 3058440, 7294877, 2345434, 4992946, 409769, 1871642, 2548928, 158137, 2237817, 5078607, 2530047, 8432726, 5900158, 1636591, 2831022, 7792667, 6663474, 1513832, 6949150, 5696533, 6655105, 5631558, 552223, 9819268, 3936127, 3378562, 257629, 635421, 2262102, 8468820, 9985460, 3886086, 9644396, 7222529, 1759399, 334456, 810653, 5309828, 1083083, 1851330, 2021045, 8176462, 2278519, 8815014, 7188615, 43127, 3002807, 3756625, 9067056, 2481952, 9152322, 8400836, 1885141, 8890780, 5931966, 8325971, 1297341, 5862657, 3609407, 3757427, 1214474, 4579725, 2973253, 255134, 4440062, 4513136, 1156300, 724654, 3295828, 8535431, 802904, 6847158, 9338531, 6083585, 4483006, 177673, 5464540, 694707, 7612497, 9126296, 4733464, 9207505, 5549111, 6884919, 4506206, 6698860, 7079344, 5339606, 9059643, 7032156, 6425265, 2537326, 6494085, 6466188, 6878197, 2400008, 88097, 4011290, 8406249, 4272576, 6324477, 4039316, 3328947, 1948932, 1456484, 564600, 830641, 6808520, 9370400, 5442074, 7422684, 9209824, 5295162, 7641922, 9692312, 15642, 7943511, 7895488, 8558549, 5743815, 9937043, 9163379, 6373543, 3933160, 6355808, 5959319, 1075721, 6602235, 8829162, 4469611, 5404557, 1207878, 9111163, 3745747, 4444797, 4400293, 7940263, 5834741, 8758434, 9890020, 7996327, 9574850, 3711524, 2383868, 1104782, 8870949, 6108505, 8790116, 3436670, 8849550, 2837579, 6136969, 4003752, 2891591, 2557807, 7722532, 2981539, 725769, 5401644, 6396517, 6069375, 7181681, 2064169, 6879097, 2581081, 4219165, 6293921, 1724748, 6119898, 5983538, 8767535, 8746848, 5073442, 7596809, 1476400, 4613964, 6636199, 4873783, 7486018, 1875667, 7538248, 8025214, 2927850, 8679487, 2514578, 99314, 2189804, 6155988, 8200305, 8735792, 3986758, 6220552, 8780965, 5705841, 6394355, 4242391, 298077, 9331495, 3369752, 13555, 9572241, 4356493, 968627, 9908480, 2993550, 5142885, 9137881, 4606947, 5436052, 4288614, 4057261, 4452741, 7349559, 1532242, 8811004, 8277733, 1490404, 3383679, 2152525, 7099207, 4872990, 6234732, 736523, 7424422, 6303643, 6160165, 700491, 4953417, 6843834, 7230428, 4308249, 5911495, 4003479, 6465222, 9708991, 2172211, 3214682, 9734377, 6247097, 1062942, 3407941, 5527264, 1187489, 1341156, 7474556, 6365328, 6597804, 8821713, 6957716, 8331561, 429318, 1808729, 9945141, 9453785, 7760156, 7754063, 7316885, 6960745, 7945731, 2956671, 1092118, 7379252, 6670865, 8242146, 2269643, 8586456, 159567, 3899288, 3359551, 6739032, 9087637, 680954, 4932188, 9292061, 5539026, 6501002, 7715749, 1981712, 1510823, 3702874, 1294142, 9580217, 259593, 1706352, 8337322, 1480594, 3617775, 9469292, 7621514, 922826, 3352695, 5630247, 8099897, 919028, 9233799, 7011602, 9796952, 2352499, 6827483, 840462, 2441496, 5376905, 5609226, 3191873, 8694275, 101105, 3123013, 9040989, 4608155, 8724333, 4401389, 1453151, 5251949, 6437825, 4278592, 5012635, 9322994, 6623353, 8572838, 7050118, 858140, 5148036, 5108490, 4169516, 6379141, 7316611, 9052948, 4313167, 5116504, 3389121, 2210402, 874215, 3481377, 9006831, 6271443, 7788396, 8203842, 9794134, 2370339, 6135901, 5733701, 3359907, 7657635, 9330269, 858330, 5272519, 142773, 8943582, 1134848, 6860684, 9477967, 5428335, 592476, 4589527, 3685826, 7367001, 4891134, 3364675, 3512557, 9933658, 7627204, 6811629, 7463863, 3420207, 3409358, 968321, 3022161, 7276628, 2088150, 821464, 2298440, 1206753, 8340780, 3022678, 238086, 9413015, 2753560, 8358694, 3704503, 4947478, 3540438, 8966552, 2666825, 2445708, 3471334, 8660935, 1692189, 7812533, 1597782, 3382746, 1535651, 844075, 6957363, 3754227, 4321641, 7422349, 7123218, 2597732, 950676, 2237978, 700560, 2686773, 7487881, 4926380, 3903515, 9765282, 5347397, 9404886, 2583504, 5193667, 4329188, 5442401, 9206174, 3600059, 2548423, 3872463, 6568300, 552681, 5496479, 6374917, 2616975, 4883183, 3747442, 9155657, 1570186, 3324508, 7792227, 2498492, 3086162, 7211829, 5589861, 6733934, 1918857, 651165, 5902505, 2048955, 3531183, 8796166, 8830445, 1223636, 4878121, 8219425, 5837609, 298165, 8330734, 1560139, 3363996, 8132639, 4697601, 5082703, 9796376, 9071716, 1483676, 3377672, 2343911, 7892937, 4549547, 3811421, 9710447, 5030886, 543648, 9732641, 1688906, 22021, 5776372, 3261069, 2553741, 5033571, 839796, 2885348, 5589082, 5875882, 7543434, 8070528, 4150623, 5529023, 6107762, 3000729, 1839592, 5003508, 1164750, 9381402, 7633344, 1605054, 9253783, 1895039, 2707352, 9992439, 6597863, 7740955, 602280, 565847, 664572, 8612832, 9718010, 1631195, 6929147, 2214079, 6968015, 9697071, 5920193, 1278983, 6286636, 2749524, 6030355, 2847052, 1510551, 5563843, 83076, 8057210, 5089931, 2500429, 4383568, 1577280, 1787369, 4005052, 1964125, 2568183, 8323661, 4537719, 8992363, 9077231, 1972709, 5440372, 7848613, 4126694, 2751913, 9535735, 8983656, 705705, 8502410, 4298777, 6155548, 3317076, 4756069, 6773273, 9316253, 3413464, 2132609, 4024593, 8972364, 8418746, 4020600, 1593743, 253528, 1774270, 900338, 8194011, 9569919, 3538926, 3846378, 1460296, 2873560, 2577938, 4432108, 518753, 7113587, 6597934, 8692549, 1838987, 4898239, 9559857, 2025886, 1414757, 9705907, 3651121, 3924491, 4086254, 9987377, 8605790, 1042512, 4123006, 1225630, 5658876, 1645432, 691601, 3605421, 2930981, 5093670, 5739015, 1409335, 7747548, 9929813, 3066938, 180621, 5326402, 6911707, 6830088, 540885, 1477207, 4107700, 2484116, 8579854, 2804066, 2537294, 5776720, 2355033, 3418166, 3325255, 3684999, 5554274, 1122195, 47771, 8048489, 632986, 8343785, 8817314, 5536511, 1158266, 1050952, 3339320, 844306, 6133950, 6901368, 1549988, 5858596, 9777382, 2721723, 8263783, 8325280, 2263941, 4350431, 5082935, 885447, 7820754, 9904960, 2763618, 7303473, 6473065, 8605855, 5015907, 9958869, 8919964, 1943443, 1141387, 4227933, 3893772, 4028311, 3322117, 9858725, 7682368, 9422182, 3970193, 8264804, 9646964, 842263, 6576889, 6623890, 5748699, 6358886, 6815593, 1461271, 3831028, 5697400, 9980197, 7157022, 5113081, 75420, 5041054, 8204948, 274368, 1855513, 7975617, 7023903, 6892192, 5024074, 7675309, 2446626, 5627369, 9150368, 3584570, 1394176, 5934340, 6608056, 7817158, 546417, 4901158, 5634179, 1475997, 4546789, 3142185, 7416055, 6835785, 9029119, 4055565, 2025189, 3629286, 696619, 6302310, 3088787, 6537575, 4554689, 5581129, 2531752, 6079622, 2808777, 3761458, 5898027, 6616182, 5176918, 8383226, 5343433, 8501919, 3178404, 2721497, 6558819, 8844837, 151977, 5916, 2941830, 1740495, 4125073, 7626432, 9483487)
%%
SELECT id FROM stock_item WHERE sku IN ('K-848712','K-689072','K-262996','K-772367','K-369418','K-709092','K-105809','K-579524','K-770255','K-904138','K-789726','K-538829','K-698467','K-394986','K-141593','K-973721','K-789922','K-937219','K-265648','K-698675','K-436237','K-079590','K-539257','K-654330','K-347217','K-465670','K-279283','K-310205','K-379398','K-320166','K-693281','K-743739','K-662621','K-719653','K-394122','K-983372','K-547547','K-847959','K-709416','K-062586','K-951254','K-686399','K-522314','K-517306','K-381391','K-725177','K-018868','K-059748','K-917732','K-875366','K-931207','K-716737','K-124838','K-584490','K-395496','K-469483','K-326262','K-787559','K-537380','K-934396','K-159689','K-764267','K-636565','K-786241','K-481168','K-036813','K-994289','K-340993','K-505909','K-143648','K-007414','K-999268','K-982054','K-934717','K-284643','K-151547','K-196776','K-616089','K-962594','K-604784','K-532670','K-048940','K-411272','K-182015','K-783679','K-618211','K-672658','K-294516','K-657768','K-799490','K-253482','K-305316','K-810420','K-570727','K-027058','K-441139','K-574840','K-427361','K-680315','K-088416','K-844003','K-996169','K-709359','K-670498','K-398969','K-516941','K-744174','K-377740','K-724410','K-946701','K-290960','K-339951','K-169739','K-873986','K-603103','K-519844','K-865993','K-050672','K-832214','K-558253','K-364113','K-937136','K-146680','K-210538','K-541058','K-846663','K-920015','K-064641','K-170027','K-322963','K-774211','K-545798','K-178969','K-714508','K-327127','K-951676','K-056095','K-615801','K-312091','K-401574','K-814826','K-377603','K-727215','K-196237','K-285580','K-324434','K-934536','K-989565','K-497795','K-206938','K-650868','K-336488','K-973129','K-459588','K-422657','K-113695','K-714664','K-272851','K-379366','K-413109','K-335153','K-404244','K-831806','K-495512','K-279812','K-117932','K-213883','K-970773','K-952921','K-652984','K-472110','K-525605','K-877772','K-428088','K-668061','K-167613','K-816470','K-935789','K-330046','K-046082','K-159458','K-292453','K-793854','K-561701','K-493061','K-693487','K-585887','K-889297','K-703181','K-431724','K-789192','K-080177','K-288767','K-410667','K-380362','K-752145','K-962058','K-414754','K-555057','K-850375','K-302384','K-892772','K-660808','K-126979','K-272344','K-471501','K-808833','K-012317','K-043338','K-558049','K-866802','K-732003','K-593992','K-320431','K-370834','K-631396','K-985581','K-377281','K-278420','K-255199','K-928923','K-073262','K-918134','K-575191','K-101088','K-790350','K-632041','K-711005','K-868552','K-432783','K-874932','K-847000','K-746365','K-116680','K-975212','K-321858','K-173981','K-676093','K-184989','K-758037','K-664703','K-778420','K-725632','K-123555','K-812238','K-423451','K-413661','K-882498','K-986033','K-828108','K-778517','K-879971','K-358346','K-419407','K-411640','K-524091','K-844872','K-353196','K-366710','K-907037','K-194758','K-746756','K-913967','K-150387','K-557625','K-771395','K-546512','K-433733','K-701928','K-972295','K-945306','K-302769','K-140053','K-223403','K-355184','K-715030','K-069154','K-969460','K-433278','K-070034','K-526527','K-003259','K-893319','K-601713','K-700252','K-246985','K-605892','K-453566','K-423290','K-224330','K-601592','K-764155','K-287114','K-823352','K-885832','K-712551','K-826775','K-894417','K-879129','K-138893','K-158499','K-232974','K-704172','K-890949','K-790747','K-250306','K-524887','K-131011','K-941975','K-296333','K-942477','K-035098','K-779102','K-860860','K-975442','K-680362','K-399450','K-921350','K-301451','K-137656','K-678906','K-738313','K-918043','K-737964','K-403001','K-642099','K-939801','K-288440','K-746609','K-070582','K-809003','K-632662','K-634230','K-864285','K-533798','K-286291','K-637199','K-223433','K-947796','K-234742','K-324275','K-098399','K-377217','K-708848','K-596631','K-931494','K-841075','K-082490','K-377190','K-024449','K-733412','K-542397','K-075687','K-127757','K-879331','K-340937','K-229001','K-003596','K-479973','K-659808','K-801098','K-145503','K-468580','K-288423','K-527823','K-061972','K-467352','K-618918','K-581868','K-624606','K-846595','K-033833','K-041530','K-563991','K-867583','K-490297','K-115916','K-507224','K-235375','K-308439','K-660026','K-981753','K-356622','K-347117','K-556472','K-596065','K-241477','K-228444','K-583639','K-832012','K-860331','K-219135','K-295393','K-880181','K-848014','K-605590','K-563159','K-747737','K-031972','K-233819','K-815886','K-181444','K-029751','K-850161','K-529185','K-281080','K-444504','K-392596','K-066120','K-660614','K-287031','K-759727','K-093869','K-613333','K-117838','K-419577','K-409267','K-536962','K-617354','K-428897','K-237274','K-699098','K-909802','K-924620','K-057384','K-843234','K-389388','K-557359','K-345428','K-689781','K-263984','K-074850','K-672950','K-501091','K-603564','K-140240','K-452281','K-476022','K-715830','K-923155','K-742824','K-647685','K-476739','K-200002','K-358278','K-645593','K-199140','K-117317','K-422448','K-173611','K-296308','K-796453','K-203642','K-080164','K-771746','K-941007','K-541285','K-017334','K-459921','K-815196','K-207308','K-828625','K-737922','K-779162','K-206289','K-810882','K-278510','K-210946','K-587483','K-792247','K-735291','K-878698','K-310620','K-783970','K-824333','K-994371','K-024028','K-964633','K-775255','K-757631','K-642893','K-754464','K-016543','K-065777','K-371099','K-215631','K-438216','K-013646','K-876047','K-905511','K-672738','K-757058','K-783672','K-660801','K-563858','K-276606','K-584847','K-372645','K-658062','K-171597','K-592841','K-662940','K-331013','K-371792','K-320600','K-110374','K-046391','K-775282','K-183682','K-724903','K-372518','K-441471','K-942654','K-030813','K-843564','K-747821','K-477162','K-810252','K-107114','K-359597','K-111883','K-899811','K-161351','K-381553','K-815237','K-927217','K-494155','K-509630','K-086761','K-956011','K-354040','K-833356','K-333998','K-499377','K-940890','K-861837','K-134546','K-891257','K-114155','K-553965','K-590785','K-263443','K-532611','K-407799','K-219456','K-371004','K-264179','K-688213','K-022250','K-983057','K-953021','K-202465','K-744715','K-291831','K-991233','K-854557','K-544199','K-457963','K-812033','K-767988','K-760985','K-402813','K-168774','K-851307','K-939916','K-882244','K-457892','K-140331','K-145037','K-013502','K-116528','K-224426','K-763241','K-613781','K-557073','K-397313','K-028945','K-009568','K-852705','K-870646','K-824226','K-090225','K-486238','K-818276','K-045352','K-213867','K-932206','K-600661','K-560132','K-958272','K-074429','K-900222','K-339074','K-354891','K-654921','K-586767','K-928319','K-484194','K-508065','K-806284','K-670531','K-947972','K-215714','K-007694','K-255237','K-214375','K-949796','K-371816','K-401197','K-923373','K-109071','K-102823','K-619941','K-920232','K-132374','K-990717','K-209616','K-461413','K-478578','K-599846','K-613981','K-965187','K-667292','K-718659','K-741329','K-958428','K-460985','K-798691','K-070840','K-597857','K-759670','K-754123','K-056379','K-903558','K-493522','K-177182','K-419657','K-683570','K-705583','K-903757','K-748409','K-251438','K-751649','K-681090','K-492376','K-725649','K-923402','K-494628','K-635327','K-148663','K-124143','K-953184','K-522161','K-628173','K-400236','K-065790','K-733726','K-250192','K-838839','K-932402','K-239830','K-005138','K-411361','K-593578','K-826334','K-781427','K-863841','K-235068','K-664691','K-774362','K-777631','K-679245','K-040151','K-254408','K-098354','K-952101','K-209855','K-841714','K-000992','K-039915','K-489197','K-051046','K-421510','K-252131','K-986886','K-975894','K-230257','K-813002','K-704518','K-046376','K-975548','K-583204','K-669662','K-606140','K-963935','K-433837','K-275729','K-043331','K-160865','K-490645','K-019108','K-502108','K-793899','K-108859','K-796407','K-925192','K-744469','K-101267','K-196019','K-150212','K-846269','K-554803','K-170727','K-645819','K-537004','K-338977','K-110935','K-534574','K-825180','K-932883','K-400159','K-960863','K-921610','K-002373','K-075643','K-892773','K-031156','K-582898','K-679745','K-861251','K-089778','K-526884','K-588906','K-649954','K-642575','K-623442','K-830283','K-838344','K-563606','K-081393','K-740222','K-056873','K-693577','K-571968','K-644963','K-305100','K-479285','K-416242','K-703284','K-008003','K-587097','K-781186','K-218664','K-025242','K-196471','K-869965','K-531638','K-850973','K-877965','K-480234','K-218899','K-128088','K-742529','K-681636','K-771277','K-217197','K-704360','K-449890','K-115764','K-642442','K-090548','K-572645','K-544914','K-369653','K-710570','K-098599','K-092109','K-765643','K-250538','K-891007','K-924172','K-889532','K-106343','K-094145','K-385444','K-287309','K-317429','K-324231','K-799456','K-310085','K-155004','K-518140','K-635886','K-604230','K-351120','K-806135','K-201356','K-007282','K-082685','K-078639','K-045666','K-119192','K-716049','K-726100','K-804641','K-627851','K-224272','K-545391','K-404095','K-477756','K-427183','K-968667','K-640702','K-602420','K-680083','K-221067','K-960920','K-795453','K-768280','K-788541','K-835246','K-083687','K-957215','K-022616','K-877856','K-061766','K-751484','K-764638','K-032109','K-702675','K-713937','K-141599','K-891267','K-955437','K-451699','K-840044','K-920795','K-057479','K-188547','K-648776','K-988542','K-307617','K-463197','K-267872','K-740812','K-140656','K-264919','K-825950','K-315135','K-887404','K-365412','K-029731','K-340174','K-400863','K-099319','K-170011','K-464393','K-170850','K-992671','K-685788','K-687755','K-977485','K-496306','K-799363','K-653314','K-877474','K-789908','K-786918','K-789258','K-341799','K-287516','K-842661','K-261880','K-013800','K-432450','K-563966','K-021943','K-357264','K-241991','K-570397','K-929336','K-374121','K-965638','K-855710','K-344676','K-001815','K-807842','K-808457','K-812607','K-250383','K-933042','K-359267','K-833198','K-083144','K-557860','K-169141','K-109948','K-037102','K-865539','K-892756','K-328908','K-445646','K-657434','K-353322','K-384960','K-067378','K-563380','K-127777','K-480283','K-168941','K-221783','K-556709','K-055998','K-681512','K-695719','K-564561','K-256856','K-983507','K-961852','K-427299','K-976639','K-958170','K-544032','K-723304','K-814083','K-662168','K-093995','K-679262','K-222689','K-228653','K-301350','K-791750','K-950571','K-928687','K-014295','K-748993','K-272829','K-452344','K-750579','K-124079','K-993699','K-184842','K-640263','K-459268','K-644109','K-720245','K-174518','K-724187','K-994131','K-782265','K-298117','K-789717','K-409906','K-260561','K-358337','K-269620','K-029021','K-096221','K-724721','K-908321','K-219379','K-672282','K-272127','K-648316','K-687824','K-674543','K-776469','K-619845','K-148921','K-687988','K-072780','K-626901','K-071232','K-728673','K-410131','K-318663','K-081728','K-067048','K-765040','K-070162','K-561700','K-015244','K-077017','K-379062','K-078102','K-149142','K-584371','K-118346','K-757539','K-517675','K-679897','K-535062','K-720937','K-920433','K-286738','K-965435','K-806812','K-471891','K-186533','K-943610')
%%
SELECT id FROM cart WHERE id = ANY(ARRAY[$1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27,$28,$29,$30,$31,$32,$33,$34,$35,$36,$37,$38,$39,$40,$41,$42,$43,$44,$45,$46,$47,$48,$49,$50,$51,$52,$53,$54,$55,$56,$57,$58,$59,$60,$61,$62,$63,$64,$65,$66,$67,$68,$69,$70,$71,$72,$73,$74,$75,$76,$77,$78,$79,$80,$81,$82,$83,$84,$85,$86,$87,$88,$89,$90,$91,$92,$93,$94,$95,$96,$97,$98,$99,$100,$101,$102,$103,$104,$105,$106,$107,$108,$109,$110,$111,$112,$113,$114,$115,$116,$117,$118,$119,$120,$121,$122,$123,$124,$125,$126,$127,$128,$129,$130,$131,$132,$133,$134,$135,$136,$137,$138,$139,$140,$141,$142,$143,$144,$145,$146,$147,$148,$149,$150,$151,$152,$153,$154,$155,$156,$157,$158,$159,$160,$161,$162,$163,$164,$165,$166,$167,$168,$169,$170,$171,$172,$173,$174,$175,$176,$177,$178,$179,$180,$181,$182,$183,$184,$185,$186,$187,$188,$189,$190,$191,$192,$193,$194,$195,$196,$197,$198,$199,$200,$201,$202,$203,$204,$205,$206,$207,$208,$209,$210,$211,$212,$213,$214,$215,$216,$217,$218,$219,$220,$221,$222,$223,$224,$225,$226,$227,$228,$229,$230,$231,$232,$233,$234,$235,$236,$237,$238,$239,$240,$241,$242,$243,$244,$245,$246,$247,$248,$249,$250,$251,$252,$253,$254,$255,$256,$257,$258,$259,$260,$261,$262,$263,$264,$265,$266,$267,$268,$269,$270,$271,$272,$273,$274,$275,$276,$277,$278,$279,$280,$281,$282,$283,$284,$285,$286,$287,$288,$289,$290,$291,$292,$293,$294,$295,$296,$297,$298,$299,$300,$301,$302,$303,$304,$305,$306,$307,$308,$309,$310,$311,$312,$313,$314,$315,$316,$317,$318,$319,$320,$321,$322,$323,$324,$325,$326,$327,$328,$329,$330,$331,$332,$333,$334,$335,$336,$337,$338,$339,$340,$341,$342,$343,$344,$345,$346,$347,$348,$349,$350,$351,$352,$353,$354,$355,$356,$357,$358,$359,$360,$361,$362,$363,$364,$365,$366,$367,$368,$369,$370,$371,$372,$373,$374,$375,$376,$377,$378,$379,$380,$381,$382,$383,$384,$385,$386,$387,$388,$389,$390,$391,$392,$393,$394,$395,$396,$397,$398,$399,$400,$401,$402,$403,$404,$405,$406,$407,$408,$409,$410,$411,$412,$413,$414,$415,$416,$417,$418,$419,$420,$421,$422,$423,$424,$425,$426,$427,$428,$429,$430,$431,$432,$433,$434,$435,$436,$437,$438,$439,$440,$441,$442,$443,$444,$445,$446,$447,$448,$449,$450,$451,$452,$453,$454,$455,$456,$457,$458,$459,$460,$461,$462,$463,$464,$465,$466,$467,$468,$469,$470,$471,$472,$473,$474,$475,$476,$477,$478,$479,$480,$481,$482,$483,$484,$485,$486,$487,$488,$489,$490,$491,$492,$493,$494,$495,$496,$497,$498,$499,$500,$501,$502,$503,$504,$505,$506,$507,$508,$509,$510,$511,$512,$513,$514,$515,$516,$517,$518,$519,$520,$521,$522,$523,$524,$525,$526,$527,$528,$529,$530,$531,$532,$533,$534,$535,$536,$537,$538,$539,$540,$541,$542,$543,$544,$545,$546,$547,$548,$549,$550,$551,$552,$553,$554,$555,$556,$557,$558,$559,$560,$561,$562,$563,$564,$565,$566,$567,$568,$569,$570,$571,$572,$573,$574,$575,$576,$577,$578,$579,$580,$581,$582,$583,$584,$585,$586,$587,$588,$589,$590,$591,$592,$593,$594,$595,$596,$597,$598,$599,$600,$601,$602,$603,$604,$605,$606,$607,$608,$609,$610,$611,$612,$613,$614,$615,$616,$617,$618,$619,$620,$621,$622,$623,$624,$625,$626,$627,$628,$629,$630,$631,$632,$633,$634,$635,$636,$637,$638,$639,$640,$641,$642,$643,$644,$645,$646,$647,$648,$649,$650,$651,$652,$653,$654,$655,$656,$657,$658,$659,$660,$661,$662,$663,$664,$665,$666,$667,$668,$669,$670,$671,$672,$673,$674,$675,$676,$677,$678,$679,$680,$681,$682,$683,$684,$685,$686,$687,$688,$689,$690,$691,$692,$693,$694,$695,$696,$697,$698,$699,$700,$701,$702,$703,$704,$705,$706,$707,$708,$709,$710,$711,$712,$713,$714,$715,$716,$717,$718,$719,$720,$721,$722,$723,$724,$725,$726,$727,$728,$729,$730,$731,$732,$733,$734,$735,$736,$737,$738,$739,$740,$741,$742,$743,$744,$745,$746,$747,$748,$749,$750,$751,$752,$753,$754,$755,$756,$757,$758,$759,$760,$761,$762,$763,$764,$765,$766,$767,$768,$769,$770,$771,$772,$773,$774,$775,$776,$777,$778,$779,$780,$781,$782,$783,$784,$785,$786,$787,$788,$789,$790,$791,$792,$793,$794,$795,$796,$797,$798,$799,$800,$801,$802,$803,$804,$805,$806,$807,$808,$809,$810,$811,$812,$813,$814,$815,$816,$817,$818,$819,$820,$821,$822,$823,$824,$825,$826,$827,$828,$829,$830,$831,$832,$833,$834,$835,$836,$837,$838,$839,$840,$841,$842,$843,$844,$845,$846,$847,$848,$849,$850,$851,$852,$853,$854,$855,$856,$857,$858,$859,$860,$861,$862,$863,$864,$865,$866,$867,$868,$869,$870,$871,$872,$873,$874,$875,$876,$877,$878,$879,$880,$881,$882,$883,$884,$885,$886,$887,$888,$889,$890,$891,$892,$893,$894,$895,$896,$897,$898,$899,$900,$901,$902,$903,$904,$905,$906,$907,$908,$909,$910,$911,$912,$913,$914,$915,$916,$917,$918,$919,$920,$921,$922,$923,$924,$925,$926,$927,$928,$929,$930,$931,$932,$933,$934,$935,$936,$937,$938,$939,$940,$941,$942,$943,$944,$945,$946,$947,$948,$949,$950,$951,$952,$953,$954,$955,$956,$957,$958,$959,$960,$961,$962,$963,$964,$965,$966,$967,$968,$969,$970,$971,$972,$973,$974,$975,$976,$977,$978,$979,$980,$981,$982,$983,$984,$985,$986,$987,$988,$989,$990,$991,$992,$993,$994,$995,$996,$997,$998,$999,$1000]::bigint[])
%%
SELECT job_id, payload, attempts FROM job WHERE queue = 'mail' AND run_at <= now() AND locked_by IS NULL ORDER BY priority DESC, job_id FOR UPDATE SKIP LOCKED LIMIT 9
%%
UPDATE job SET locked_by = 'worker-0', locked_at = CURRENT_TIMESTAMP, attempts = attempts + 1 WHERE job_id = 40690089 AND locked_by IS NULL RETURNING job_id
%%
SET LOCAL app.tenant_id = '0'; SELECT count(*) FROM tenant_0.invoice i WHERE i.state = 'open' AND i.due_on < CURRENT_DATE
%%
INSERT INTO metric_sample (series_id, at, value) VALUES (203, '2025-03-01 11:00:00+01', 40.8943), (89, '2025-03-01 11:01:00+01', 44.4928), (49, '2025-03-01 11:02:00+01', 86.1308), (236, '2025-03-01 11:03:00+01', 34.2346), (106, '2025-03-01 11:04:00+01', 3.0697)
%%
SELECT job_id, payload, attempts FROM job WHERE queue = 'mail' AND run_at <= now() AND locked_by IS NULL ORDER BY priority DESC, job_id FOR UPDATE SKIP LOCKED LIMIT 4
%%
UPDATE job SET locked_by = 'worker-1', locked_at = CURRENT_TIMESTAMP, attempts = attempts + 1 WHERE job_id = 28034268 AND locked_by IS NULL RETURNING job_id
%%
SET LOCAL app.tenant_id = '1'; SELECT count(*) FROM tenant_1.invoice i WHERE i.state = 'open' AND i.due_on < CURRENT_DATE
%%
INSERT INTO metric_sample (series_id, at, value) VALUES (180, '2025-03-02 11:00:00+01', 67.0720), (143, '2025-03-02 11:01:00+01', 62.4888), (98, '2025-03-02 11:02:00+01', 7.2648), (46, '2025-03-02 11:03:00+01', 15.8036), (160, '2025-03-02 11:04:00+01', 66.1220), (93, '2025-03-02 11:05:00+01', 4.5656), (247, '2025-03-02 11:06:00+01', 9.7102), (30, '2025-03-02 11:07:00+01', 38.3012), (46, '2025-03-02 11:08:00+01', 56.9618), (115, '2025-03-02 11:09:00+01', 6.2054)
%%
SELECT job_id, payload, attempts FROM job WHERE queue = 'thumbs' AND run_at <= now() AND locked_by IS NULL ORDER BY priority DESC, job_id FOR UPDATE SKIP LOCKED LIMIT 1
%%
UPDATE job SET locked_by = 'worker-2', locked_at = CURRENT_TIMESTAMP, attempts = attempts + 1 WHERE job_id = 36014204 AND locked_by IS NULL RETURNING job_id
%%
SET LOCAL app.tenant_id = '2'; SELECT count(*) FROM tenant_2.invoice i WHERE i.state = 'open' AND i.due_on < CURRENT_DATE
%%
INSERT INTO metric_sample (series_id, at, value) VALUES (67, '2025-03-03 11:00:00+01', 93.6054), (182, '2025-03-03 11:01:00+01', 36.3633), (91, '2025-03-03 11:02:00+01', 13.8360), (129, '2025-03-03 11:03:00+01', 37.0482), (86, '2025-03-03 11:04:00+01', 52.3050), (58, '2025-03-03 11:05:00+01', 87.2410), (85, '2025-03-03 11:06:00+01', 28.5280), (195, '2025-03-03 11:07:00+01', 93.2255), (16, '2025-03-03 11:08:00+01', 22.3981), (100, '2025-03-03 11:09:00+01', 88.6622), (197, '2025-03-03 11:10:00+01', 85.3137), (124, '2025-03-03 11:11:00+01', 64.1425), (242, '2025-03-03 11:12:00+01', 26.2921), (4, '2025-03-03 11:13:00+01', 5.0570), (194, '2025-03-03 11:14:00+01', 83.6425)
%%
SELECT job_id, payload, attempts FROM job WHERE queue = 'mail' AND run_at <= now() AND locked_by IS NULL ORDER BY priority DESC, job_id FOR UPDATE SKIP LOCKED LIMIT 10
%%
UPDATE job SET locked_by = 'worker-3', locked_at = CURRENT_TIMESTAMP, attempts = attempts + 1 WHERE job_id = 3945085 AND locked_by IS NULL RETURNING job_id
%%
SET LOCAL app.tenant_id = '3'; SELECT count(*) FROM tenant_3.invoice i WHERE i.state = 'open' AND i.due_on < CURRENT_DATE
%%
INSERT INTO metric_sample (series_id, at, value) VALUES (242, '2025-03-04 11:00:00+01', 43.8344), (60, '2025-03-04 11:01:00+01', 10.9880), (285, '2025-03-04 11:02:00+01', 71.1523), (48, '2025-03-04 11:03:00+01', 40.4693), (249, '2025-03-04 11:04:00+01', 47.9521), (89, '2025-03-04 11:05:00+01', 90.9847), (219, '2025-03-04 11:06:00+01', 44.0266), (61, '2025-03-04 11:07:00+01', 19.0790), (137, '2025-03-04 11:08:00+01', 36.1141), (241, '2025-03-04 11:09:00+01', 23.9080), (174, '2025-03-04 11:10:00+01', 55.4788), (37, '2025-03-04 11:11:00+01', 50.9315), (248, '2025-03-04 11:12:00+01', 74.4222), (289, '2025-03-04 11:13:00+01', 61.1142), (193, '2025-03-04 11:14:00+01', 11.0048), (222, '2025-03-04 11:15:00+01', 52.4840), (123, '2025-03-04 11:16:00+01', 52.1544), (262, '2025-03-04 11:17:00+01', 86.4664), (109, '2025-03-04 11:18:00+01', 10.1500), (245, '2025-03-04 11:19:00+01', 26.5303)
%%
SELECT job_id, payload, attempts FROM job WHERE queue = 'thumbs' AND run_at <= now() AND locked_by IS NULL ORDER BY priority DESC, job_id FOR UPDATE SKIP LOCKED LIMIT 5
%%
UPDATE job SET locked_by = 'worker-4', locked_at = CURRENT_TIMESTAMP, attempts = attempts + 1 WHERE job_id = 9990505 AND locked_by IS NULL RETURNING job_id
%%
SET LOCAL app.tenant_id = '4'; SELECT count(*) FROM tenant_4.invoice i WHERE i.state = 'open' AND i.due_on < CURRENT_DATE
%%
INSERT INTO metric_sample (series_id, at, value) VALUES (232, '2025-03-05 11:00:00+01', 63.0997), (51, '2025-03-05 11:01:00+01', 20.5333), (185, '2025-03-05 11:02:00+01', 6.8146), (244, '2025-03-05 11:03:00+01', 48.1580), (93, '2025-03-05 11:04:00+01', 50.9537), (264, '2025-03-05 11:05:00+01', 90.2667), (241, '2025-03-05 11:06:00+01', 68.6915), (17, '2025-03-05 11:07:00+01', 53.7127), (120, '2025-03-05 11:08:00+01', 77.2564), (72, '2025-03-05 11:09:00+01', 65.1136), (75, '2025-03-05 11:10:00+01', 38.7357), (165, '2025-03-05 11:11:00+01', 74.0373), (189, '2025-03-05 11:12:00+01', 65.6457), (94, '2025-03-05 11:13:00+01', 69.9766), (9, '2025-03-05 11:14:00+01', 59.7957), (42, '2025-03-05 11:15:00+01', 44.9381), (19, '2025-03-05 11:16:00+01', 28.5171), (72, '2025-03-05 11:17:00+01', 83.9265), (156, '2025-03-05 11:18:00+01', 74.8930), (299, '2025-03-05 11:19:00+01', 19.9357), (34, '2025-03-05 11:20:00+01', 40.1992), (85, '2025-03-05 11:21:00+01', 1.2611), (248, '2025-03-05 11:22:00+01', 23.3101), (245, '2025-03-05 11:23:00+01', 37.3712), (252, '2025-03-05 11:24:00+01', 67.2592)
%%
SELECT job_id, payload, attempts FROM job WHERE queue = 'mail' AND run_at <= now() AND locked_by IS NULL ORDER BY priority DESC, job_id FOR UPDATE SKIP LOCKED LIMIT 20
%%
UPDATE job SET locked_by = 'worker-5', locked_at = CURRENT_TIMESTAMP, attempts = attempts + 1 WHERE job_id = 29042111 AND locked_by IS NULL RETURNING job_id
%%
SET LOCAL app.tenant_id = '5'; SELECT count(*) FROM tenant_5.invoice i WHERE i.state = 'open' AND i.due_on < CURRENT_DATE
%%
INSERT INTO metric_sample (series_id, at, value) VALUES (99, '2025-03-06 11:00:00+01', 83.3920), (104, '2025-03-06 11:01:00+01', 30.9889), (234, '2025-03-06 11:02:00+01', 27.0980), (165, '2025-03-06 11:03:00+01', 3.1767), (91, '2025-03-06 11:04:00+01', 34.3164), (12, '2025-03-06 11:05:00+01', 56.8587), (83, '2025-03-06 11:06:00+01', 23.8433), (1, '2025-03-06 11:07:00+01', 15.4811), (133, '2025-03-06 11:08:00+01', 60.6650), (244, '2025-03-06 11:09:00+01', 56.1874), (198, '2025-03-06 11:10:00+01', 13.7689), (124, '2025-03-06 11:11:00+01', 56.2103), (141, '2025-03-06 11:12:00+01', 96.0250), (77, '2025-03-06 11:13:00+01', 91.0368), (268, '2025-03-06 11:14:00+01', 13.5262), (165, '2025-03-06 11:15:00+01', 88.6526), (30, '2025-03-06 11:16:00+01', 16.7748), (217, '2025-03-06 11:17:00+01', 16.7502), (300, '2025-03-06 11:18:00+01', 81.9405), (210, '2025-03-06 11:19:00+01', 25.3178), (292, '2025-03-06 11:20:00+01', 66.1705), (78, '2025-03-06 11:21:00+01', 95.6932), (138, '2025-03-06 11:22:00+01', 96.7756), (209, '2025-03-06 11:23:00+01', 9.4843), (224, '2025-03-06 11:24:00+01', 91.4776), (54, '2025-03-06 11:25:00+01', 96.7470), (149, '2025-03-06 11:26:00+01', 7.0535), (90, '2025-03-06 11:27:00+01', 87.0452), (216, '2025-03-06 11:28:00+01', 7.3342), (193, '2025-03-06 11:29:00+01', 84.8815)
%%
SELECT job_id, payload, attempts FROM job WHERE queue = 'export' AND run_at <= now() AND locked_by IS NULL ORDER BY priority DESC, job_id FOR UPDATE SKIP LOCKED LIMIT 17
%%
UPDATE job SET locked_by = 'worker-6', locked_at = CURRENT_TIMESTAMP, attempts = attempts + 1 WHERE job_id = 78260052 AND locked_by IS NULL RETURNING job_id
%%
SET LOCAL app.tenant_id = '6'; SELECT count(*) FROM tenant_6.invoice i WHERE i.state = 'open' AND i.due_on < CURRENT_DATE
%%
INSERT INTO metric_sample (series_id, at, value) VALUES (60, '2025-03-07 11:00:00+01', 44.6275), (256, '2025-03-07 11:01:00+01', 65.8122), (190, '2025-03-07 11:02:00+01', 89.8770), (286, '2025-03-07 11:03:00+01', 19.2685), (39, '2025-03-07 11:04:00+01', 59.2187), (130, '2025-03-07 11:05:00+01', 57.0315), (93, '2025-03-07 11:06:00+01', 85.9446), (131, '2025-03-07 11:07:00+01', 64.3476), (211, '2025-03-07 11:08:00+01', 36.6268), (269, '2025-03-07 11:09:00+01', 25.7437), (38, '2025-03-07 11:10:00+01', 70.1040), (30, '2025-03-07 11:11:00+01', 62.4251), (242, '2025-03-07 11:12:00+01', 21.2334), (168, '2025-03-07 11:13:00+01', 79.9598), (5, '2025-03-07 11:14:00+01', 44.4897), (175, '2025-03-07 11:15:00+01', 67.7938), (93, '2025-03-07 11:16:00+01', 46.5505), (167, '2025-03-07 11:17:00+01', 78.5691), (120, '2025-03-07 11:18:00+01', 97.8209), (46, '2025-03-07 11:19:00+01', 95.7905), (107, '2025-03-07 11:20:00+01', 54.2543), (206, '2025-03-07 11:21:00+01', 96.1591), (120, '2025-03-07 11:22:00+01', 37.0806), (185, '2025-03-07 11:23:00+01', 38.0088), (254, '2025-03-07 11:24:00+01', 76.6881), (66, '2025-03-07 11:25:00+01', 99.7672), (111, '2025-03-07 11:26:00+01', 87.8915), (58, '2025-03-07 11:27:00+01', 3.5670), (70, '2025-03-07 11:28:00+01', 88.4562), (216, '2025-03-07 11:29:00+01', 64.6368), (241, '2025-03-07 11:30:00+01', 58.2353), (171, '2025-03-07 11:31:00+01', 57.6959), (183, '2025-03-07 11:32:00+01', 34.5104), (224, '2025-03-07 11:33:00+01', 31.4495), (247, '2025-03-07 11:34:00+01', 69.3118)
%%
SELECT job_id, payload, attempts FROM job WHERE queue = 'export' AND run_at <= now() AND locked_by IS NULL ORDER BY priority DESC, job_id FOR UPDATE SKIP LOCKED LIMIT 6
%%
UPDATE job SET locked_by = 'worker-7', locked_at = CURRENT_TIMESTAMP, attempts = attempts + 1 WHERE job_id = 52885647 AND locked_by IS NULL RETURNING job_id
%%
SET LOCAL app.tenant_id = '7'; SELECT count(*) FROM tenant_7.invoice i WHERE i.state = 'open' AND i.due_on < CURRENT_DATE
%%
INSERT INTO metric_sample (series_id, at, value) VALUES (190, '2025-03-08 11:00:00+01', 11.7142), (150, '2025-03-08 11:01:00+01', 83.5540), (105, '2025-03-08 11:02:00+01', 63.4587), (101, '2025-03-08 11:03:00+01', 36.9214), (155, '2025-03-08 11:04:00+01', 64.8723), (84, '2025-03-08 11:05:00+01', 82.1574), (233, '2025-03-08 11:06:00+01', 84.9653), (24, '2025-03-08 11:07:00+01', 19.8317), (8, '2025-03-08 11:08:00+01', 59.5515), (212, '2025-03-08 11:09:00+01', 72.5622), (140, '2025-03-08 11:10:00+01', 2.9059), (3, '2025-03-08 11:11:00+01', 83.7091), (44, '2025-03-08 11:12:00+01', 69.5886), (3, '2025-03-08 11:13:00+01', 17.3586), (90, '2025-03-08 11:14:00+01', 26.5134), (122, '2025-03-08 11:15:00+01', 1.9317), (59, '2025-03-08 11:16:00+01', 8.2473), (46, '2025-03-08 11:17:00+01', 96.9960), (77, '2025-03-08 11:18:00+01', 46.9871), (38, '2025-03-08 11:19:00+01', 52.2325), (164, '2025-03-08 11:20:00+01', 29.1769), (246, '2025-03-08 11:21:00+01', 87.4761), (171, '2025-03-08 11:22:00+01', 5.4980), (43, '2025-03-08 11:23:00+01', 26.3987), (136, '2025-03-08 11:24:00+01', 9.1395), (27, '2025-03-08 11:25:00+01', 69.6627), (135, '2025-03-08 11:26:00+01', 13.1765), (169, '2025-03-08 11:27:00+01', 34.1699), (252, '2025-03-08 11:28:00+01', 14.1065), (287, '2025-03-08 11:29:00+01', 80.5159), (79, '2025-03-08 11:30:00+01', 83.8935), (217, '2025-03-08 11:31:00+01', 38.5234), (9, '2025-03-08 11:32:00+01', 22.9413), (37, '2025-03-08 11:33:00+01', 80.1994), (49, '2025-03-08 11:34:00+01', 6.5638), (78, '2025-03-08 11:35:00+01', 19.1296), (232, '2025-03-08 11:36:00+01', 80.4012), (119, '2025-03-08 11:37:00+01', 62.2448), (242, '2025-03-08 11:38:00+01', 56.5028), (71, '2025-03-08 11:39:00+01', 1.3148)
%%
SELECT job_id, payload, attempts FROM job WHERE queue = 'export' AND run_at <= now() AND locked_by IS NULL ORDER BY priority DESC, job_id FOR UPDATE SKIP LOCKED LIMIT 7
%%
UPDATE job SET locked_by = 'worker-8', locked_at = CURRENT_TIMESTAMP, attempts = attempts + 1 WHERE job_id = 14481510 AND locked_by IS NULL RETURNING job_id
%%
SET LOCAL app.tenant_id = '8'; SELECT count(*) FROM tenant_8.invoice i WHERE i.state = 'open' AND i.due_on < CURRENT_DATE
%%
INSERT INTO metric_sample (series_id, at, value) VALUES (235, '2025-03-09 11:00:00+01', 24.0923), (133, '2025-03-09 11:01:00+01', 50.1303), (268, '2025-03-09 11:02:00+01', 53.3152), (30, '2025-03-09 11:03:00+01', 3.0905), (13, '2025-03-09 11:04:00+01', 22.0979), (149, '2025-03-09 11:05:00+01', 21.1464), (233, '2025-03-09 11:06:00+01', 61.4720), (95, '2025-03-09 11:07:00+01', 20.4638), (160, '2025-03-09 11:08:00+01', 99.5341), (134, '2025-03-09 11:09:00+01', 13.1228), (32, '2025-03-09 11:10:00+01', 22.6311), (174, '2025-03-09 11:11:00+01', 82.6991), (159, '2025-03-09 11:12:00+01', 39.6518), (268, '2025-03-09 11:13:00+01', 72.1190), (29, '2025-03-09 11:14:00+01', 77.4628), (162, '2025-03-09 11:15:00+01', 8.9137), (26, '2025-03-09 11:16:00+01', 32.5030), (122, '2025-03-09 11:17:00+01', 15.1252), (126, '2025-03-09 11:18:00+01', 46.1756), (102, '2025-03-09 11:19:00+01', 32.0580), (260, '2025-03-09 11:20:00+01', 71.8363), (186, '2025-03-09 11:21:00+01', 68.5770), (244, '2025-03-09 11:22:00+01', 52.9262), (39, '2025-03-09 11:23:00+01', 10.6216), (36, '2025-03-09 11:24:00+01', 62.3740), (224, '2025-03-09 11:25:00+01', 48.3528), (130, '2025-03-09 11:26:00+01', 80.3527), (263, '2025-03-09 11:27:00+01', 22.1880), (163, '2025-03-09 11:28:00+01', 85.2292), (215, '2025-03-09 11:29:00+01', 77.0321), (191, '2025-03-09 11:30:00+01', 53.4981), (162, '2025-03-09 11:31:00+01', 61.8745), (54, '2025-03-09 11:32:00+01', 76.9148), (45, '2025-03-09 11:33:00+01', 63.6808), (143, '2025-03-09 11:34:00+01', 13.3050), (286, '2025-03-09 11:35:00+01', 12.8952), (239, '2025-03-09 11:36:00+01', 68.4059), (18, '2025-03-09 11:37:00+01', 29.9977), (36, '2025-03-09 11:38:00+01', 85.2422), (175, '2025-03-09 11:39:00+01', 43.7354), (44, '2025-03-09 11:40:00+01', 14.4829), (49, '2025-03-09 11:41:00+01', 71.5873), (27, '2025-03-09 11:42:00+01', 3.1888), (70, '2025-03-09 11:43:00+01', 53.0027), (37, '2025-03-09 11:44:00+01', 31.6007)
%%
SELECT job_id, payload, attempts FROM job WHERE queue = 'export' AND run_at <= now() AND locked_by IS NULL ORDER BY priority DESC, job_id FOR UPDATE SKIP LOCKED LIMIT 20
%%
UPDATE job SET locked_by = 'worker-9', locked_at = CURRENT_TIMESTAMP, attempts = attempts + 1 WHERE job_id = 54539076 AND locked_by IS NULL RETURNING job_id
%%
SET LOCAL app.tenant_id = '9'; SELECT count(*) FROM tenant_9.invoice i WHERE i.state = 'open' AND i.due_on < CURRENT_DATE
%%
INSERT INTO metric_sample (series_id, at, value) VALUES (87, '2025-03-10 11:00:00+01', 23.9655), (199, '2025-03-10 11:01:00+01', 76.4962), (219, '2025-03-10 11:02:00+01', 70.7905), (186, '2025-03-10 11:03:00+01', 12.3269), (125, '2025-03-10 11:04:00+01', 45.8081), (283, '2025-03-10 11:05:00+01', 11.6981), (133, '2025-03-10 11:06:00+01', 94.2955), (198, '2025-03-10 11:07:00+01', 47.2769), (95, '2025-03-10 11:08:00+01', 60.4052), (148, '2025-03-10 11:09:00+01', 75.8762), (202, '2025-03-10 11:10:00+01', 71.6038), (67, '2025-03-10 11:11:00+01', 74.8998), (252, '2025-03-10 11:12:00+01', 10.7000), (263, '2025-03-10 11:13:00+01', 33.8851), (127, '2025-03-10 11:14:00+01', 2.7658), (263, '2025-03-10 11:15:00+01', 46.9215), (77, '2025-03-10 11:16:00+01', 97.6232), (165, '2025-03-10 11:17:00+01', 31.3443), (175, '2025-03-10 11:18:00+01', 68.2617), (215, '2025-03-10 11:19:00+01', 5.6382), (1, '2025-03-10 11:20:00+01', 86.3059), (295, '2025-03-10 11:21:00+01', 34.3806), (131, '2025-03-10 11:22:00+01', 60.6527), (20, '2025-03-10 11:23:00+01', 95.2020), (168, '2025-03-10 11:24:00+01', 22.7922), (163, '2025-03-10 11:25:00+01', 81.8911), (137, '2025-03-10 11:26:00+01', 94.9609), (155, '2025-03-10 11:27:00+01', 37.4649), (181, '2025-03-10 11:28:00+01', 39.4412), (146, '2025-03-10 11:29:00+01', 11.0242), (117, '2025-03-10 11:30:00+01', 1.2591), (211, '2025-03-10 11:31:00+01', 75.6290), (291, '2025-03-10 11:32:00+01', 75.5587), (126, '2025-03-10 11:33:00+01', 81.6961), (27, '2025-03-10 11:34:00+01', 99.0642), (88, '2025-03-10 11:35:00+01', 75.4840), (158, '2025-03-10 11:36:00+01', 25.3217), (167, '2025-03-10 11:37:00+01', 38.0671), (158, '2025-03-10 11:38:00+01', 13.3592), (277, '2025-03-10 11:39:00+01', 71.3253), (29, '2025-03-10 11:40:00+01', 34.5278), (89, '2025-03-10 11:41:00+01', 84.7876), (72, '2025-03-10 11:42:00+01', 85.7176), (278, '2025-03-10 11:43:00+01', 65.2458), (25, '2025-03-10 11:44:00+01', 79.3592), (281, '2025-03-10 11:45:00+01', 97.9182), (174, '2025-03-10 11:46:00+01', 47.0218), (237, '2025-03-10 11:47:00+01', 78.2236), (110, '2025-03-10 11:48:00+01', 72.9442), (185, '2025-03-10 11:49:00+01', 24.9345)
%%
SELECT n.nspname AS schema, c.relname AS name,
  CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'i' THEN 'index' ELSE 'other' END AS kind
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r','v','i','') AND n.nspname !~ '^pg_toast' AND n.nspname <> 'information_schema'
ORDER BY 1,2
%%
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attnum
FROM pg_catalog.pg_attribute a WHERE a.attrelid = '"invoice"'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
%%
SELECT t.oid, t.typname, t.typelem FROM pg_type t JOIN pg_namespace ns ON t.typnamespace = ns.oid WHERE t.typname = ANY($1) AND ns.nspname = 'pg_catalog'
%%
SELECT version(), current_database(), current_schema(), session_user, pg_is_in_recovery()
%%
ALTER TABLE invoice ADD COLUMN IF NOT EXISTS paid_on date, ALTER COLUMN currency SET DEFAULT 'EUR', ADD CONSTRAINT total_is_positive CHECK (total_cents >= 0)
%%
CREATE INDEX CONCURRENTLY IF NOT EXISTS invoice_open_idx ON invoice USING btree (customer_id, due_on DESC) WHERE state = 'open'
%%
CREATE TABLE "order_line" ("id" bigserial NOT NULL PRIMARY KEY, "order_id" bigint NOT NULL REFERENCES "order" ("id") DEFERRABLE INITIALLY DEFERRED, "sku" varchar(40) NOT NULL, "count" integer NOT NULL CHECK ("count" > 0), "price" numeric(12, 2) NOT NULL DEFAULT 0)
%%
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA reporting TO reader, writer

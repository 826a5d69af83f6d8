SELECT 1
%%
SELECT @@version_comment LIMIT 1
%%
SET NAMES utf8mb4
%%
SET autocommit=0
%%
SET autocommit=1
%%
BEGIN
%%
START TRANSACTION
%%
COMMIT
%%
ROLLBACK
%%
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED
%%
SET sql_mode='STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'
%%
SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci
%%
SHOW WARNINGS
%%
SELECT LAST_INSERT_ID()
%%
SELECT GET_LOCK('migrate', 10)
%%
SELECT RELEASE_LOCK('migrate')
%%
SELECT FOUND_ROWS()
%%
USE shop
%%
SELECT DATABASE()
%%
PING
%%
SELECT c FROM sbtest1 WHERE id=501432
%%
SELECT SUM(k) FROM sbtest1 WHERE id BETWEEN 500012 AND 500111
%%
SELECT DISTINCT c FROM sbtest1 WHERE id BETWEEN 500012 AND 500111 ORDER BY c
%%
UPDATE sbtest1 SET k=k+1 WHERE id=502111
%%
DELETE FROM sbtest1 WHERE id=499804
%%
INSERT INTO sbtest1 (id, k, c, pad) VALUES (499804, 501209, '68487932199-96439406143-93774651418-41631865787-96406072701-20604855487-25459966574-28203206787-41238978918-19503783441', '22195207048-70116052123-74140395089-76317954521-98694025897')
%%
SELECT `users`.`id`, `users`.`email`, `users`.`created_at`, `users`.`updated_at`, `users`.`country_code` FROM `users` WHERE `users`.`deleted_at` IS NULL AND `users`.`email` = 'somebody@example.org' ORDER BY `users`.`id` ASC LIMIT 1
%%
SELECT `app`.`Customer`.`id`, `app`.`Customer`.`email`, `app`.`Customer`.`name` FROM `app`.`Customer` WHERE (`app`.`Customer`.`id` = ? AND 1=1) LIMIT ? OFFSET ? /* traceparent=00-2b1c5d3e4f-01 */
%%
INSERT INTO `orders` (`customer_id`, `total`, `note`, `created_at`) VALUES (42, 19.90, 'he said \'it\\\'s fine\'; ok -- not a comment', '2024-05-01 10:00:00')
%%
UPDATE `stock_item` SET `amount` = `amount` - 1, `updated_at` = NOW() WHERE `id` = 77 AND `amount` > 0
%%
SELECT `auth_user`.`id`, `auth_user`.`password`, `auth_user`.`last_login`, `auth_user`.`is_superuser`, `auth_user`.`username`, `auth_user`.`first_name`, `auth_user`.`last_name`, `auth_user`.`email`, `auth_user`.`is_staff`, `auth_user`.`is_active`, `auth_user`.`date_joined` FROM `auth_user` WHERE `auth_user`.`id` = 1 LIMIT 21
%%
SELECT option_name, option_value FROM wp_options WHERE autoload = 'yes'
%%
SELECT t.*, tt.* FROM wp_terms AS t INNER JOIN wp_term_taxonomy AS tt ON t.term_id = tt.term_id WHERE tt.taxonomy IN ('category') AND t.slug = 'news'
%%
SELECT SQL_CALC_FOUND_ROWS wp_posts.ID FROM wp_posts WHERE 1=1 AND wp_posts.post_type = 'post' AND (wp_posts.post_status = 'publish') ORDER BY wp_posts.post_date DESC LIMIT 0, 10
%%
CREATE TABLE IF NOT EXISTS `sessions` (`id` varchar(255) NOT NULL, `user_id` bigint unsigned NULL, `payload` longtext NOT NULL, `last_activity` int NOT NULL, PRIMARY KEY (`id`)) DEFAULT CHARACTER SET utf8mb4 COLLATE 'utf8mb4_unicode_ci'
%%
CREATE TEMPORARY TABLE tmp_ids (id BIGINT PRIMARY KEY) ENGINE=MEMORY
%%
DROP TEMPORARY TABLE IF EXISTS tmp_ids
%%
LOCK TABLES `a` WRITE
%%
UNLOCK TABLES
%%
CALL monthly_report(2024, 5)
%%
SET @a = 1
%%
SELECT @row := @row + 1 AS n, name FROM t, (SELECT @row := 0) r
%%
KILL QUERY 4711
%%
/*!40101 SET NAMES utf8mb4 */
%%
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */
%%
-- keep alive
SELECT 1
%%
# x
SELECT 2
%%
SELECT COUNT(*) FROM `orders` `o` LEFT JOIN `customers` `c` ON `c`.`id` = `o`.`customer_id` WHERE `o`.`state` IN ('new', 'paid', 'sent') AND `o`.`created_at` >= DATE_SUB(NOW(), INTERVAL 7 DAY) GROUP BY `o`.`state` HAVING COUNT(*) > 1
%%
WITH RECURSIVE t AS (SELECT id, parent_id, name FROM category WHERE parent_id IS NULL UNION ALL SELECT c.id, c.parent_id, c.name FROM category c JOIN t ON c.parent_id = t.id) SELECT * FROM t
%%
INSERT INTO log_line (at, level, body) VALUES ('2024-05-01 10:00:00', 'info', 'request 0 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-02 10:00:00', 'info', 'request 1 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-03 10:00:00', 'info', 'request 2 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-04 10:00:00', 'info', 'request 3 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-05 10:00:00', 'info', 'request 4 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-06 10:00:00', 'info', 'request 5 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-07 10:00:00', 'info', 'request 6 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-08 10:00:00', 'info', 'request 7 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-09 10:00:00', 'info', 'request 8 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-01 10:00:00', 'info', 'request 9 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-02 10:00:00', 'info', 'request 10 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-03 10:00:00', 'info', 'request 11 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-04 10:00:00', 'info', 'request 12 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-05 10:00:00', 'info', 'request 13 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-06 10:00:00', 'info', 'request 14 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-07 10:00:00', 'info', 'request 15 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-08 10:00:00', 'info', 'request 16 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-09 10:00:00', 'info', 'request 17 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-01 10:00:00', 'info', 'request 18 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-02 10:00:00', 'info', 'request 19 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-03 10:00:00', 'info', 'request 20 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-04 10:00:00', 'info', 'request 21 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-05 10:00:00', 'info', 'request 22 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-06 10:00:00', 'info', 'request 23 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-07 10:00:00', 'info', 'request 24 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-08 10:00:00', 'info', 'request 25 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-09 10:00:00', 'info', 'request 26 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-01 10:00:00', 'info', 'request 27 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-02 10:00:00', 'info', 'request 28 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-03 10:00:00', 'info', 'request 29 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-04 10:00:00', 'info', 'request 30 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-05 10:00:00', 'info', 'request 31 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-06 10:00:00', 'info', 'request 32 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-07 10:00:00', 'info', 'request 33 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-08 10:00:00', 'info', 'request 34 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-09 10:00:00', 'info', 'request 35 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-01 10:00:00', 'info', 'request 36 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-02 10:00:00', 'info', 'request 37 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-03 10:00:00', 'info', 'request 38 took 12 ms; user=joe@example.org path=/a/b/c?x=1'), ('2024-05-04 10:00:00', 'info', 'request 39 took 12 ms; user=joe@example.org path=/a/b/c?x=1')
%%
SELECT * FROM big WHERE id IN (1000000, 1000007, 1000014, 1000021, 1000028, 1000035, 1000042, 1000049, 1000056, 1000063, 1000070, 1000077, 1000084, 1000091, 1000098, 1000105, 1000112, 1000119, 1000126, 1000133, 1000140, 1000147, 1000154, 1000161, 1000168, 1000175, 1000182, 1000189, 1000196, 1000203, 1000210, 1000217, 1000224, 1000231, 1000238, 1000245, 1000252, 1000259, 1000266, 1000273, 1000280, 1000287, 1000294, 1000301, 1000308, 1000315, 1000322, 1000329, 1000336, 1000343, 1000350, 1000357, 1000364, 1000371, 1000378, 1000385, 1000392, 1000399, 1000406, 1000413, 1000420, 1000427, 1000434, 1000441, 1000448, 1000455, 1000462, 1000469, 1000476, 1000483, 1000490, 1000497, 1000504, 1000511, 1000518, 1000525, 1000532, 1000539, 1000546, 1000553, 1000560, 1000567, 1000574, 1000581, 1000588, 1000595, 1000602, 1000609, 1000616, 1000623, 1000630, 1000637, 1000644, 1000651, 1000658, 1000665, 1000672, 1000679, 1000686, 1000693, 1000700, 1000707, 1000714, 1000721, 1000728, 1000735, 1000742, 1000749, 1000756, 1000763, 1000770, 1000777, 1000784, 1000791, 1000798, 1000805, 1000812, 1000819, 1000826, 1000833, 1000840, 1000847, 1000854, 1000861, 1000868, 1000875, 1000882, 1000889, 1000896, 1000903, 1000910, 1000917, 1000924, 1000931, 1000938, 1000945, 1000952, 1000959, 1000966, 1000973, 1000980, 1000987, 1000994, 1001001, 1001008, 1001015, 1001022, 1001029, 1001036, 1001043, 1001050, 1001057, 1001064, 1001071, 1001078, 1001085, 1001092, 1001099, 1001106, 1001113, 1001120, 1001127, 1001134, 1001141, 1001148, 1001155, 1001162, 1001169, 1001176, 1001183, 1001190, 1001197, 1001204, 1001211, 1001218, 1001225, 1001232, 1001239, 1001246, 1001253, 1001260, 1001267, 1001274, 1001281, 1001288, 1001295, 1001302, 1001309, 1001316, 1001323, 1001330, 1001337, 1001344, 1001351, 1001358, 1001365, 1001372, 1001379, 1001386, 1001393)
%%
XA START 'x1'
%%
SAVEPOINT s1
%%
RELEASE SAVEPOINT s1
%%
SHOW VARIABLES LIKE 'sql_mode'
%%
SELECT CONNECTION_ID()
%%
EXPLAIN SELECT * FROM t WHERE a = 1
%%
REPLACE INTO cache (k, v, expires_at) VALUES ('a:b', x'00ff', 1714557600)
%%
DELETE `s` FROM `sessions` `s` WHERE `s`.`last_activity` < 1714557600
%%
(SELECT 1) UNION ALL (SELECT 2)
%%
SELECT ROW_COUNT()
%%
INSERT INTO item (user_id, count_of, row_no, in_use) SELECT user_id, count_of, row_no, in_use FROM item_old WHERE is_locked = 0

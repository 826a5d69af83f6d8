// The scenarios of ../../my_matrix.py for Node drivers, over the small common
// face that the files of the drivers give to each of them.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import readline from "node:readline";

const CLIENTS = 8;
const ZONES = ["+01:00", "-05:30", "+09:00", "+00:00"];

const same = (got, wanted) => assert.deepEqual(got, wanted);
const numbers = (n) => Array.from({ length: n }, (_, i) => i);
// Drivers make numbers or text of what they read.
const texts = (rows) => rows.map((row) => row.map((v) =>
	v === null ? null : String(v)));
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

class Scenarios {
	constructor(driver) {
		this.driver = driver;
		this.name = driver.name;
		this.open = [];
	}

	async connect() {
		const conn = await this.driver.connect();
		this.open.push(conn);
		return conn;
	}

	connections(n) {
		return Promise.all(numbers(n).map(() => this.connect()));
	}

	async close() {
		while (this.open.length) await this.open.pop().close();
	}

	// The number of the error with which work fails.
	async code(work) {
		try {
			await work();
		} catch (e) {
			if (e instanceof assert.AssertionError) throw e;
			return this.driver.code(e) ?? `${e.name}: ${e.message}`;
		}
		return "no error";
	}

	async table(scenario, columns) {
		const name = `t_${this.name}_${scenario}`;
		const conn = await this.connect();
		await conn.query(`DROP TABLE IF EXISTS ${name}`);
		await conn.query(`CREATE TABLE ${name} (${columns}) ENGINE=InnoDB`);
		return name;
	}

	async together(n, work) {
		const conns = await this.connections(n);
		return Promise.all(conns.map(work));
	}

	version() {
		return this.driver.version();
	}

	async storm() {
		for (let round = 0; round < 2; round++)
			await Promise.all(numbers(20).map(async (i) => {
				const conn = await this.driver.connect();
				try {
					same(texts(await conn.query("SELECT ?", i)), [[`${i}`]]);
				} finally {
					await conn.close();
				}
			}));
		return 40;
	}

	async interleave() {
		await this.together(CLIENTS, async (conn, i) => {
			for (let n = 0; n < 25; n++)
				same(texts(await conn.query("SELECT ? * 2 AS a, ? AS b", n,
					`c${i}`)), [[`${n * 2}`, `c${i}`]]);
		});
		return CLIENTS * 25;
	}

	async prepared() {
		const table = await this.table("prepared", "a INT, b VARCHAR(40)");
		return this.together(CLIENTS, async (conn, i) => {
			const insert = `INSERT INTO ${table} VALUES (?, ?)`;
			const read = `SELECT a, b FROM ${table} WHERE a = ? ORDER BY b`;
			for (let n = 0; n < 6; n++) {
				await conn.prepared(insert, i, `row ${n}`);
				const rows = await conn.prepared(read, i);
				same(rows.length, n + 1);
				if (n === 3) conn.forget(read);
			}
			return [
				await this.code(() => conn.prepared("SELEC ?", 1)),
				await this.code(() => conn.prepared("SELECT * FROM gone")),
				texts(await conn.prepared("SELECT ?, ?, ?", 1.5, null, "x")),
				(await conn.prepared(read, i)).length,
			];
		});
	}

	async reuse() {
		const table = await this.table("reuse", "client INT, n INT");
		await this.together(CLIENTS, async (conn, i) => {
			for (let n = 1; n < 8; n++) {
				await conn.begin();
				await conn.query(`INSERT INTO ${table} VALUES (?, ?)`, i, n);
				same(texts(await conn.query(
					`SELECT SUM(n) AS s FROM ${table} WHERE client = ?`, i)),
				[[`${n * (n + 1) / 2}`]]);
				await conn.commit();
			}
		});
		const conn = await this.connect();
		return texts(await conn.query(`SELECT COUNT(*) AS c FROM ${table}`));
	}

	async errors() {
		const table = await this.table("errors", "a INT PRIMARY KEY");
		return this.together(4, async (conn, i) => {
			const insert = () =>
				conn.query(`INSERT INTO ${table} VALUES (?)`, i);
			await insert();
			return [
				await this.code(() => conn.query("SELECT missing + ?", i)),
				await this.code(() => conn.query("SELECT ? FROM not_there", i)),
				await this.code(insert),
				await this.code(() => conn.query("SELEC 1")),
				texts(await conn.query("SELECT ? + 1 AS a", i)),
			];
		});
	}

	async rollback() {
		const table = await this.table("rollback", "a INT PRIMARY KEY");
		const [conn, other] = await this.connections(2);
		const count = async (c) => texts(await c.query(
			`SELECT COUNT(*) AS c FROM ${table}`));
		await conn.begin();
		await conn.query(`INSERT INTO ${table} VALUES (1)`);
		const twice = await this.code(() =>
			conn.query(`INSERT INTO ${table} VALUES (1)`));
		await conn.query(`INSERT INTO ${table} VALUES (2)`);
		const seen = [twice, await count(conn), await count(other)];
		await conn.rollback();
		return [...seen, await count(conn)];
	}

	async insert_id() {
		const table = await this.table("insert_id",
			"a INT AUTO_INCREMENT PRIMARY KEY, b INT");
		const conns = await this.connections(4);
		const seen = [];
		for (let n = 0; n < 3; n++) {
			for (const [i, conn] of conns.entries()) {
				await conn.query(`INSERT INTO ${table} (b) VALUES (?)`, i);
				seen.push(conn.lastId);
			}
			for (const conn of conns)
				seen.push(texts(await conn.query(
					"SELECT LAST_INSERT_ID() AS a")));
		}
		return seen;
	}

	async settings() {
		const conns = await this.connections(4);
		for (const [i, conn] of conns.entries()) {
			await conn.query(`SET time_zone = '${ZONES[i]}'`);
			await conn.query(i % 2 ? "SET sql_mode = 'ANSI_QUOTES'" :
				"SET SESSION group_concat_max_len = 77");
			await conn.query(`SET @own = ${i}`);
			if (i === 2) await conn.query("SET NAMES latin1");
		}
		const seen = [];
		for (let n = 0; n < 5; n++)
			for (const conn of conns)
				seen.push(texts(await conn.query("SELECT @@time_zone AS a," +
					" @@sql_mode = 'ANSI_QUOTES' AS b, @own AS c," +
					" @@group_concat_max_len AS d," +
					" @@character_set_client AS e")));
		return seen;
	}

	async big() {
		const table = await this.table("big", "a INT, b LONGTEXT");
		const conn = await this.connect();
		for (const n of numbers(3))
			await conn.query(`INSERT INTO ${table} VALUES (?, ?)`, n,
				"x".repeat(400000));
		const rows = await conn.query(`SELECT a, b FROM ${table} ORDER BY a`);
		const one = await conn.query("SELECT REPEAT('y', 17000000) AS y");
		return [rows.map((r) => [r[0], r[1].length]), one[0][0].length];
	}

	async temp() {
		const [a, b] = await this.connections(2);
		const name = `tt_${this.name}`;
		await a.query(`CREATE TEMPORARY TABLE ${name} (n INT)`);
		for (let n = 0; n < 5; n++) {
			await a.query(`INSERT INTO ${name} VALUES (?)`, n);
			await b.query("SELECT 1");
		}
		return [texts(await a.query(`SELECT COUNT(*) AS c FROM ${name}`)),
			await this.code(() => b.query(`SELECT * FROM ${name}`))];
	}

	async lock() {
		const [a, b] = await this.connections(2);
		const ask = async (conn, text) => texts(await conn.query(
			`SELECT ${text} AS x`, `lock_${this.name}`));
		return [await ask(a, "GET_LOCK(?, 1)"), await ask(b, "GET_LOCK(?, 0)"),
			await ask(a, "RELEASE_LOCK(?)"), await ask(b, "GET_LOCK(?, 0)"),
			await ask(b, "RELEASE_LOCK(?)")];
	}

	async multi() {
		const conn = await this.connect();
		return [await conn.multi("SELECT 1; SELECT 2, 3; DO 1; SELECT 4"),
			await this.code(() => conn.multi("SELECT 1; SELEC 2; SELECT 3")),
			await conn.multi("SELECT 5")];
	}

	async stream() {
		const table = await this.table("stream", "a INT");
		const conn = await this.connect();
		await conn.query(`INSERT INTO ${table} VALUES ` +
			numbers(3000).map((n) => `(${n})`).join(", "));
		let total = 0;
		for await (const row of conn.stream(`SELECT a FROM ${table}`))
			total += row[0];
		return [total, texts(await conn.query("SELECT 1 AS a"))];
	}

	async load() {
		const table = await this.table("load", "a INT, b VARCHAR(20)");
		const folder = mkdtempSync(join(tmpdir(), "load"));
		const path = join(folder, "rows");
		writeFileSync(path, numbers(2000).map((n) =>
			`${n}\trow ${n}\n`).join(""));
		try {
			const conn = await this.connect();
			return [await conn.load(table, path),
				texts(await conn.query(`SELECT SUM(a) AS s FROM ${table}`)),
				await this.code(() => conn.load("not_there", path))];
		} finally {
			rmSync(folder, { recursive: true });
		}
	}

	async batch() {
		const table = await this.table("batch", "a INT, b VARCHAR(40)");
		const conn = await this.connect();
		const count = await conn.batch(`INSERT INTO ${table} VALUES (?, ?)`,
			numbers(500).map((n) => [n, n % 7 ? `row ${n}` : null]));
		return [count, texts(await conn.query(
			`SELECT COUNT(*) AS a, COUNT(b) AS b, SUM(a) AS c FROM ${table}`))];
	}

	async change_user() {
		const conn = await this.connect();
		await conn.query("SET @own = 3");
		await conn.changeUser();
		return texts(await conn.query("SELECT @own AS a, DATABASE() AS b"));
	}

	async cancel() {
		const [conn, other] = await this.connections(2);
		const began = Date.now();
		const code = this.code(() => conn.query("SELECT SLEEP(30) AS s"))
			.then((c) => c === "no error" ? "woken" : c);
		for (;;) {
			const rows = await other.query("SELECT COUNT(*) AS c FROM" +
				" information_schema.processlist WHERE info LIKE" +
				" 'SELECT SLEEP(30)%'");
			if (Number(rows[0][0])) break;
			assert(Date.now() - began < 10000, "the query does not run");
			await pause(10);
		}
		await other.query(`KILL QUERY ${conn.id}`);
		const seen = await code;
		assert(Date.now() - began < 15000, "canceled too late");
		return [seen, texts(await other.query("SELECT 2 AS a")),
			texts(await conn.query("SELECT 1 AS a"))];
	}

	pool() {
		return this.driver.pool();
	}

	orm() {
		return this.driver.orm();
	}
}

// Runs one scenario and says how it went; true when well.
async function answer(driver, scenario) {
	const scenarios = new Scenarios(driver);
	try {
		const seen = await scenarios[scenario]();
		console.log(`ok ${scenario} ${JSON.stringify(seen)}`);
		return true;
	} catch (e) {
		const text = `${e?.name}: ${e?.message} ${
			process.env.TRACE ? e?.stack : ""}`;
		console.log(`failed ${scenario} ${text.replace(/\s+/g, " ")}`);
		return false;
	} finally {
		await scenarios.close().catch(() => {});
	}
}

export async function main(make) {
	const driver = await make(process.argv[2]);
	const given = process.argv.slice(3);
	const asked = given.length ? given :
		readline.createInterface({ input: process.stdin });
	let good = true;
	for await (const name of asked)
		if (name.trim()) good = await answer(driver, name.trim()) && good;
	process.exit(good ? 0 : 1);
}

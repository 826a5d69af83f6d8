// The scenarios of ../matrix.py for Node drivers, over the small common face
// that the files of the drivers give to each of them.
import assert from "node:assert/strict";
import readline from "node:readline";

const CLIENTS = 8;
const ZONES = ["Asia/Tokyo", "Europe/Lisbon", "America/Lima", "Asia/Dhaka"];

const same = (got, wanted) => assert.deepEqual(got, wanted);
const numbers = (n) => Array.from({ length: n }, (_, i) => i);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export async function until(condition, what, seconds = 10) {
	const end = Date.now() + seconds * 1000;
	for (;;) {
		const value = await condition();
		if (value) return value;
		assert(Date.now() < end, `not within ${seconds} s: ${what}`);
		await pause(10);
	}
}

class Scenarios {
	constructor(driver) {
		this.driver = driver;
		this.name = driver.name.replaceAll("-", "_");
		this.open = [];
	}

	async connect(startup) {
		const conn = await this.driver.connect(startup);
		this.open.push(conn);
		return conn;
	}

	connections(n) {
		return Promise.all(numbers(n).map(() => this.connect()));
	}

	async close() {
		while (this.open.length) await this.open.pop().close();
	}

	// The SQLSTATE with which work fails.
	async code(work) {
		try {
			await work();
		} catch (e) {
			if (e instanceof assert.AssertionError) throw e;
			return this.driver.code(e) ?? `${e.name}: ${e.message}`;
		}
		return "no error";
	}

	async run(scenario) {
		try {
			return await this[scenario]();
		} finally {
			await this.close();
		}
	}

	async table(scenario, columns) {
		const name = `t_${this.name}_${scenario}`;
		const conn = await this.connect();
		await conn.run(`DROP TABLE IF EXISTS ${name}`);
		await conn.run(`CREATE TABLE ${name} (${columns})`);
		await conn.close();
		return name;
	}

	// The same work on n connections at once.
	async together(n, work) {
		const conns = await this.connections(n);
		return Promise.all(conns.map(work));
	}

	version() {
		return this.driver.version();
	}

	async storm() {
		for (let round = 0; round < 2; round++)
			await Promise.all(numbers(24).map(async (i) => {
				const conn = await this.driver.connect();
				try {
					same(await conn.query("SELECT $1::int", i), [[i]]);
				} finally {
					await conn.close();
				}
			}));
		return 48;
	}

	async interleave() {
		await this.together(CLIENTS, async (conn, i) => {
			for (let n = 0; n < 25; n++) {
				same(await conn.query("SELECT $1::int * 2 AS a, $2::text AS b",
					n, `c${i}`), [[n * 2, `c${i}`]]);
				same(await conn.query("SELECT $1::text || 'x' AS a",
					`${i}.${n}`), [[`${i}.${n}x`]]);
			}
		});
		return CLIENTS * 50;
	}

	async reuse() {
		const table = await this.table("reuse", "client int, n int");
		await this.together(CLIENTS, async (conn, i) => {
			for (let n = 1; n < 8; n++) {
				await conn.begin();
				await conn.query(
					`INSERT INTO ${table} VALUES ($1::int, $2::int)`, i, n);
				same(await conn.query(`SELECT sum(n)::int FROM ${table}` +
					" WHERE client = $1::int", i), [[n * (n + 1) / 2]]);
				await conn.commit();
			}
		});
		const conn = await this.connect();
		return (await conn.query(`SELECT count(*)::int FROM ${table}`))[0][0];
	}

	async errors() {
		const table = await this.table("errors", "a int PRIMARY KEY");
		return this.together(4, async (conn, i) => {
			let seen;
			for (let n = 0; n < 3; n++) {
				const key = i * 10 + n;
				const insert = () => conn.query(
					`INSERT INTO ${table} VALUES ($1::int)`, key);
				await insert();
				seen = [
					await this.code(() =>
						conn.query("SELECT missing + $1::int", n)),
					await this.code(() =>
						conn.query("SELECT $1::int FROM not_there", n)),
					await this.code(() => conn.query("SELECT $1::int / 0", n)),
					await this.code(insert),
				];
				same(await conn.query("SELECT $1::int + 1", n), [[n + 1]]);
			}
			return seen;
		});
	}

	async rollback() {
		const table = await this.table("rollback", "a int");
		return this.together(4, async (conn, i) => {
			const insert = () => conn.query(
				`INSERT INTO ${table} VALUES ($1::int)`, i);
			const count = () => conn.query(
				`SELECT count(*)::int FROM ${table} WHERE a = $1::int`, i);
			let first, second;
			for (let n = 0; n < 3; n++) {
				await conn.begin();
				await insert();
				first = await this.code(() =>
					conn.query("SELECT $1::int / 0", i));
				second = await this.code(count);
				await conn.rollback();
				same(await count(), [[0]]);
			}
			await conn.begin();
			await insert();
			await conn.commit();
			return [first, second, (await count())[0][0]];
		});
	}

	async pipeline() {
		const conns = await Promise.all(numbers(4).map(async () => {
			const conn = await this.driver.connectPipelined();
			this.open.push(conn);
			return conn;
		}));
		return Promise.all(conns.map(async (conn, i) => {
			let bad;
			for (let round = 0; round < 3; round++) {
				const got = await Promise.all(numbers(20).map((n) =>
					conn.query("SELECT $1::int + 1", n)));
				same(got, numbers(20).map((n) => [[n + 1]]));
				bad = await Promise.all([5, 0, 2].map((n) => this.code(() =>
					conn.query("SELECT 10 / $1::int", n))));
				same(await conn.query("SELECT $1::int", i), [[i]]);
			}
			return bad;
		}));
	}

	async cursor() {
		const text = "SELECT g FROM generate_series(1, $1::int) g";
		return this.together(4, async (conn) => {
			let total = 0, few = 0, count = 0;
			await conn.begin();
			for await (const row of conn.stream(text, 70, 1000))
				total += row[0];
			await conn.commit();
			await conn.begin();
			for await (const row of conn.stream(text, 70, 100000)) {
				few += row[0];
				if (++count === 100) break;
			}
			await conn.rollback();
			same(await conn.query("SELECT $1::int", 5), [[5]]);
			return [total, few];
		});
	}

	async copy() {
		const table = await this.table("copy", "a int, b text");
		return this.together(4, async (conn, i) => {
			const rows = numbers(300).map((n) => `row ${n}`);
			await conn.copyIn(table, rows.map((b) => `${i}\t${b}\n`));
			same(await conn.copyOut(`SELECT b FROM ${table} WHERE a = ${i}` +
				" ORDER BY length(b), b"), rows.join("\n") + "\n");
			const bad = conn.copyHangsOnError ? "not tried" :
				await this.code(() =>
					conn.copyIn(table, ["1\tgood\n", "bad\tbad\n"]));
			return [rows.length, bad,
				(await conn.query("SELECT $1::int", i))[0][0]];
		});
	}

	async schemas(scenario) {
		const conn = await this.connect();
		const names = numbers(4).map((i) => `s_${this.name}_${scenario}_${i}`);
		for (const name of names) {
			await conn.run(`DROP SCHEMA IF EXISTS ${name} CASCADE`);
			await conn.run(`CREATE SCHEMA ${name}`);
			await conn.run(
				`CREATE TABLE ${name}.who AS SELECT '${name}'::text AS w`);
		}
		await conn.close();
		return names;
	}

	// Each connection has its own settings, again and again.
	watchSettings(conns, names) {
		return Promise.all(conns.map(async (conn, i) => {
			for (let n = 0; n < 10; n++) {
				same(await conn.query("SELECT w FROM who WHERE $1::int >= 0",
					n), [[names[i]]]);
				same(await conn.show("statement_timeout"), `${i + 11}s`);
				same(await conn.show("timezone"), ZONES[i]);
			}
		}));
	}

	async defaults() {
		const conn = await this.connect();
		return [await conn.show("search_path"),
			await conn.show("statement_timeout"),
			await conn.show("timezone")];
	}

	async settings() {
		const names = await this.schemas("settings");
		const conns = await this.connections(4);
		for (const [i, conn] of conns.entries()) {
			await conn.run(`SET search_path = ${names[i]}`);
			await conn.run(`SET statement_timeout = '${i + 11}s'`);
			await conn.run(`SET TIME ZONE '${ZONES[i]}'`);
		}
		await this.watchSettings(conns, names);
		const seen = await this.defaults();
		await conns[0].begin();
		await conns[0].run("SET statement_timeout = '99s'");
		await conns[0].rollback();
		await this.watchSettings(conns, names);
		await conns[1].run("RESET statement_timeout");
		await conns[1].run("RESET search_path");
		return [...seen, await conns[1].show("statement_timeout"),
			await conns[1].show("search_path"),
			await conns[2].show("statement_timeout")];
	}

	async startup() {
		const names = await this.schemas("startup");
		const conns = await Promise.all(numbers(4).map((i) => this.connect({
			search_path: names[i], timezone: ZONES[i],
			statement_timeout: (i + 11) * 1000,
		})));
		await this.watchSettings(conns, names);
		await conns[0].run("SET statement_timeout = '99s'");
		await conns[0].run("RESET statement_timeout");
		await this.watchSettings(conns, names);
		return this.defaults();
	}

	async listen() {
		const channel = `news_${this.name}`;
		const listeners = await this.connections(2);
		const others = await this.connections(4);
		const heard = await Promise.all(listeners.map((c) =>
			c.listen(channel)));
		const seen = [];
		const take = async (i, n) => {
			await until(() => heard[i].length >= n, `${n} notifications`);
			seen.push(heard[i].splice(0));
		};
		for (let n = 0; n < 3; n++)
			await others[n].run(`NOTIFY ${channel}, 'n${n}'`);
		await others[3].begin();
		await others[3].run(`NOTIFY ${channel}, 'never'`);
		await others[3].rollback();
		await others[3].begin();
		await others[3].run(`NOTIFY ${channel}, 'n3'`);
		await others[3].commit();
		await take(0, 4);
		await take(1, 4);
		same(await listeners[0].query("SELECT $1::int", 3), [[3]]);
		await listeners[0].unlisten(channel);
		await others[0].run(`NOTIFY ${channel}, 'last'`);
		await take(1, 1);
		same(await listeners[0].query("SELECT $1::int", 4), [[4]]);
		await take(0, 0);
		return seen;
	}

	async cancel() {
		const [conn, other] = await this.connections(2);
		const mark = `mark ${this.name} cancel`;
		const sleeper = conn.cancelable(
			`SELECT pg_sleep($1::int) /* ${mark} */`, 30);
		const code = this.code(() => sleeper.result);
		await until(async () => (await other.query(
			"SELECT 1 FROM pg_stat_activity WHERE state = 'active'" +
			" AND pid <> pg_backend_pid() AND query LIKE $1::text" +
			" AND wait_event = 'PgSleep'", `%${mark}%`)).length,
		"the query to run");
		const began = Date.now();
		await sleeper.cancel();
		const seen = await code;
		assert(Date.now() - began < 15000, "canceled too late");
		same(await other.query("SELECT $1::int", 2), [[2]]);
		same(await conn.query("SELECT $1::int", 1), [[1]]);
		return seen;
	}

	async schema() {
		const table = await this.table("schema", "a int");
		const conns = await this.connections(4);
		const owner = await this.connect();
		await owner.run(`INSERT INTO ${table} VALUES (1)`);
		const read = async (conn) => {
			let rows;
			const code = await this.code(async () => {
				rows = await conn.query(
					`SELECT * FROM ${table} WHERE a = $1::int`, 1);
			});
			return rows ? `${rows[0].length} columns` : code;
		};
		const outside = async (conn) =>
			[await read(conn), await read(conn), await read(conn)];
		const inside = async (conn) => {
			await conn.begin();
			const first = await read(conn);
			if (first.endsWith("columns")) await conn.commit();
			else await conn.rollback();
			return [first, await read(conn), await read(conn)];
		};
		const seen = [await Promise.all(conns.map(outside))];
		await owner.run(`ALTER TABLE ${table} ADD COLUMN b int`);
		seen.push(await Promise.all(conns.map(outside)));
		await owner.run(`ALTER TABLE ${table} ADD COLUMN c int`);
		seen.push(await Promise.all(conns.map(inside)));
		await owner.run(`ALTER TABLE ${table} ALTER COLUMN a TYPE bigint`);
		seen.push(await Promise.all(conns.map(outside)));
		return seen;
	}

	async advisory() {
		const [a, b] = await this.connections(2);
		const key = 7002;
		const ask = async (conn, name) => (await conn.query(
			`SELECT pg_${name}($1::int) AS x`, key))[0][0];
		const lock = () => a.query("SELECT pg_advisory_lock($1::int)::text",
			key);
		const attempt = () => ask(b, "try_advisory_lock");
		const seen = [];
		await lock();
		seen.push(await attempt());
		for (let n = 0; n < 3; n++) {
			await a.begin();
			await a.query("SELECT $1::int", n);
			await a.commit();
		}
		seen.push(await attempt());
		seen.push(await ask(a, "advisory_unlock"));
		seen.push(await attempt());
		seen.push(await ask(b, "advisory_unlock"));
		await lock();
		await a.close();
		seen.push(await until(attempt, "the lock of a closed connection"));
		seen.push(await ask(b, "advisory_unlock"));
		return seen;
	}

	async temp() {
		const [a, b, c] = await this.connections(3);
		const name = `tt_${this.name}`;
		const read = (conn, n) => conn.query(
			`SELECT n FROM ${name} WHERE n >= $1::int ORDER BY n`, n);
		await a.run(`CREATE TEMPORARY TABLE ${name} (n int)`);
		for (let n = 0; n < 5; n++) {
			await a.begin();
			await a.query(`INSERT INTO ${name} VALUES ($1::int)`, n);
			await a.commit();
			same(await c.query("SELECT $1::int", n), [[n]]);
		}
		const seen = [(await read(a, 0)).length,
			await this.code(() => read(b, 0))];
		await a.run(`DROP TABLE ${name}`);
		seen.push(await this.code(() => read(a, 0)));
		await a.run(`CREATE TEMPORARY TABLE ${name} AS SELECT 8 AS n`);
		seen.push(await read(a, 1));
		await a.close();
		seen.push(await this.code(() => read(b, 0)));
		return seen;
	}

	async prepare() {
		return this.together(CLIENTS, async (conn, i) => {
			await conn.run(`PREPARE own (int) AS SELECT $1 + ${i}`);
			for (let n = 0; n < 5; n++)
				same(await conn.rows(`EXECUTE own(${n})`), [[n + i]]);
			await conn.run("DEALLOCATE own");
			const gone = await this.code(() => conn.rows("EXECUTE own(1)"));
			await conn.run("PREPARE own AS SELECT 'again'");
			same(await conn.rows("EXECUTE own"), [["again"]]);
			return gone;
		});
	}

	async discard() {
		return this.together(CLIENTS, async (conn, i) => {
			const ask = () => conn.query(`SELECT $1::int + ${i % 2} AS a`, 1);
			for (let n = 0; n < 6; n++) same(await ask(), [[1 + i % 2]]);
			const seen = [];
			for (const command of ["DEALLOCATE ALL", "DISCARD ALL",
				"DEALLOCATE ALL"]) {
				await conn.run(command);
				seen.push(await this.code(ask), await this.code(ask));
			}
			return seen;
		});
	}

	pool() {
		return this.driver.pool();
	}

	orm() {
		return this.driver.orm();
	}

	queue() {
		return this.driver.queue();
	}

	migrate() {
		return this.driver.migrate();
	}
}

// Runs one scenario and says how it went; true when well.
async function answer(driver, scenario) {
	try {
		const seen = await new Scenarios(driver).run(scenario);
		console.log(`ok ${scenario} ${JSON.stringify(seen)}`);
		return true;
	} catch (e) {
		const text = `${e?.name}: ${e?.message} ${
			process.env.TRACE ? e?.stack : ""}`;
		console.log(`failed ${scenario} ${text.replace(/\s+/g, " ")}`);
		return false;
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

// postgres.js with its own prepared statements; a connection is an instance
// with one.
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import postgres from "postgres";
import { URL, versions } from "./packages.mjs";

class Conn {
	// Its stream never ends when the server refuses the data.
	copyHangsOnError = true;

	constructor(sql) {
		this.sql = sql;
	}

	async query(text, ...values) {
		return [...await this.sql.unsafe(text, values, { prepare: true })
			.values()];
	}

	async rows(text) {
		return [...await this.sql.unsafe(text).values()];
	}

	async run(text) {
		await this.sql.unsafe(text);
	}

	async show(name) {
		return (await this.rows(`SHOW ${name}`))[0][0];
	}

	begin() {
		return this.run("BEGIN");
	}

	commit() {
		return this.run("COMMIT");
	}

	rollback() {
		return this.run("ROLLBACK");
	}

	async *stream(text, size, ...values) {
		for await (const rows of this.sql.unsafe(text, values).cursor(size))
			for (const row of rows) yield Object.values(row);
	}

	async copyIn(table, lines) {
		await pipeline(Readable.from(lines),
			await this.sql.unsafe(`COPY ${table} FROM STDIN`).writable());
	}

	async copyOut(query) {
		let text = "";
		for await (const part of await this.sql.unsafe(
			`COPY (${query}) TO STDOUT`).readable())
			text += part;
		return text;
	}

	async listen(channel) {
		const heard = [];
		this.heard = await this.sql.listen(channel, (x) => heard.push(x));
		return heard;
	}

	unlisten() {
		return this.heard.unlisten();
	}

	cancelable(text, ...values) {
		const query = this.sql.unsafe(text, values);
		return { result: query, cancel: () => query.cancel() };
	}

	close() {
		return this.sql.end({ timeout: 5 });
	}
}

class Postgres {
	constructor(name) {
		this.name = name;
	}

	version() {
		return `${versions("postgres")}, node ${process.versions.node}`;
	}

	async connect(startup) {
		const sql = postgres(URL, {
			max: 1, onnotice: () => {}, connection: startup,
		});
		await sql`SELECT 1`;
		return new Conn(sql);
	}

	// It sends what is asked without waiting for the answers before.
	connectPipelined() {
		return this.connect();
	}

	code(e) {
		return e.code;
	}

	async pool() {
		const sql = postgres(URL, { max: 6 });
		const got = await Promise.all(Array.from({ length: 60 }, (_, n) =>
			sql.begin((tx) => tx`SELECT ${n}::int AS n`)));
		await sql.end();
		return got.every((rows, i) => rows[0].n === i) ? 60 : got;
	}
}

export default (name) => new Postgres(name);

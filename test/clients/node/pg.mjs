// node-postgres: every query with arguments is a named statement.
import { createHash } from "node:crypto";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import pg from "pg";
import QueryStream from "pg-query-stream";
import { from, to } from "pg-copy-streams";
import { URL, versions } from "./packages.mjs";

export const nameOf = (text) =>
	"q" + createHash("md5").update(text).digest("hex").slice(0, 16);

export function config(startup) {
	const options = startup && `-c search_path=${startup.search_path}` +
		` -c timezone=${startup.timezone}`;
	return {
		connectionString: URL, options,
		statement_timeout: startup?.statement_timeout,
	};
}

export class Conn {
	constructor(client) {
		this.client = client;
	}

	async query(text, ...values) {
		const result = await this.client.query(
			{ name: nameOf(text), text, values, rowMode: "array" });
		return result.rows;
	}

	async rows(text) {
		return (await this.client.query({ text, rowMode: "array" })).rows;
	}

	run(text) {
		return this.client.query(text);
	}

	async show(name) {
		return (await this.rows(`SHOW ${name}`))[0][0];
	}

	begin() {
		return this.client.query("BEGIN");
	}

	commit() {
		return this.client.query("COMMIT");
	}

	rollback() {
		return this.client.query("ROLLBACK");
	}

	stream(text, batchSize, ...values) {
		return this.client.query(
			new QueryStream(text, values, { batchSize, rowMode: "array" }));
	}

	copyIn(table, lines) {
		return pipeline(Readable.from(lines),
			this.client.query(from(`COPY ${table} FROM STDIN`)));
	}

	async copyOut(query) {
		let text = "";
		for await (const part of this.client.query(
			to(`COPY (${query}) TO STDOUT`)))
			text += part;
		return text;
	}

	async listen(channel) {
		const heard = [];
		this.client.on("notification", (note) => heard.push(note.payload));
		await this.client.query(`LISTEN ${channel}`);
		return heard;
	}

	unlisten(channel) {
		return this.client.query(`UNLISTEN ${channel}`);
	}

	cancelable(text, ...values) {
		let query;
		const result = new Promise((resolve, reject) => {
			query = new pg.Query({ text, values },
				(e, r) => e ? reject(e) : resolve(r));
		});
		this.client.query(query);
		return {
			result,
			cancel: () => new pg.Client(URL).cancel(this.client, query),
		};
	}

	close() {
		return this.client.end();
	}
}

export class Pg {
	constructor(name) {
		this.name = name;
	}

	version() {
		return `${versions("pg")}, node ${process.versions.node}`;
	}

	async connect(startup, more) {
		const client = new pg.Client({ ...config(startup), ...more });
		client.on("error", () => {});
		await client.connect();
		return new Conn(client);
	}

	connectPipelined() {
		return this.connect(undefined, { pipeline: true });
	}

	code(e) {
		return e.code;
	}

	async pool() {
		const pool = new pg.Pool({ connectionString: URL, max: 6 });
		const got = await Promise.all(Array.from({ length: 60 }, (_, n) =>
			pool.query({ name: "one", text: "SELECT $1::int AS n",
				values: [n] })));
		await pool.end();
		return got.map((r) => r.rows[0].n).every((n, i) => n === i) ? 60 : got;
	}
}

export default (name) => new Pg(name);

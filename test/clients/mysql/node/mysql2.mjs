// mysql2: text and binary statements, which it keeps.
import { createReadStream } from "node:fs";
import mysql from "mysql2/promise";
import { place } from "./place.mjs";
import { versions } from "./packages.mjs";

export const config = { ...place, multipleStatements: true,
	infileStreamFactory: (path) => createReadStream(path) };

export class Conn {
	constructor(conn) {
		this.conn = conn;
	}

	get id() {
		return this.conn.threadId;
	}

	async ask(how, text, args) {
		const [got] = await this.conn[how]({ sql: text, rowsAsArray: true },
			args);
		this.lastId = got.insertId;
		this.affected = got.affectedRows;
		return Array.isArray(got) ? got : [];
	}

	query(text, ...args) {
		return this.ask("query", text, args);
	}

	prepared(text, ...args) {
		return this.ask("execute", text, args);
	}

	forget(text) {
		this.conn.unprepare({ sql: text, rowsAsArray: true });
	}

	begin() {
		return this.conn.beginTransaction();
	}

	commit() {
		return this.conn.commit();
	}

	rollback() {
		return this.conn.rollback();
	}

	async multi(text) {
		const [got, fields] = await this.conn.query(
			{ sql: text, rowsAsArray: true });
		return Array.isArray(fields?.[0]) || fields?.length > 1 ?
			got.map((part) => Array.isArray(part) ? part : []) : [got];
	}

	async load(table, path) {
		await this.query(
			`LOAD DATA LOCAL INFILE '${path}' INTO TABLE ${table}`);
		return this.affected;
	}

	async* stream(text) {
		const rows = this.conn.connection.query(
			{ sql: text, rowsAsArray: true }).stream();
		for await (const row of rows) yield row;
	}

	changeUser() {
		return this.conn.changeUser(place);
	}

	close() {
		return this.conn.end();
	}
}

export default class {
	constructor(name) {
		this.name = name;
	}

	version() {
		return versions("mysql2");
	}

	async connect() {
		const conn = await mysql.createConnection(config);
		conn.on("error", () => {});
		return new Conn(conn);
	}

	code(e) {
		return e.errno;
	}

	async pool() {
		const pool = mysql.createPool({ ...config, connectionLimit: 6 });
		const got = await Promise.all(Array.from({ length: 60 }, (_, n) =>
			pool.execute("SELECT ? AS n", [n])));
		await pool.end();
		return got.map(([rows]) => rows[0].n);
	}
}

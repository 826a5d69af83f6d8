// mariadb: pipelines what it sends, DEPRECATE_EOF, bulk.
import mariadb from "mariadb";
import { place } from "./place.mjs";
import { versions } from "./packages.mjs";

const config = { ...place, multipleStatements: true, rowsAsArray: true,
	permitLocalInfile: true, insertIdAsNumber: true, bigIntAsNumber: true,
	allowPublicKeyRetrieval: true };

class Conn {
	constructor(conn) {
		this.conn = conn;
	}

	get id() {
		return this.conn.threadId;
	}

	async ask(how, text, args) {
		const got = await this.conn[how](text, args);
		this.lastId = got?.insertId;
		this.affected = got?.affectedRows;
		return Array.isArray(got) ? [...got] : [];
	}

	query(text, ...args) {
		return this.ask("query", text, args);
	}

	prepared(text, ...args) {
		return this.ask("execute", text, args);
	}

	forget() {
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
		const got = await this.conn.query(text);
		const isMany = got.some?.((part) => part?.meta || !Array.isArray(part));
		return isMany ? got.map((part) =>
			Array.isArray(part) ? [...part] : []) : [[...got]];
	}

	async load(table, path) {
		await this.query(
			`LOAD DATA LOCAL INFILE '${path}' INTO TABLE ${table}`);
		return this.affected;
	}

	async* stream(text) {
		for await (const row of this.conn.queryStream(text)) yield row;
	}

	async batch(text, rows) {
		const got = await this.conn.batch(text, rows);
		return got.affectedRows;
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
		return versions("mariadb");
	}

	async connect() {
		const conn = await mariadb.createConnection(config);
		conn.on("error", () => {});
		return new Conn(conn);
	}

	code(e) {
		return e.errno;
	}

	async pool() {
		const pool = mariadb.createPool({ ...config, connectionLimit: 6 });
		const got = await Promise.all(Array.from({ length: 60 }, (_, n) =>
			pool.execute("SELECT ? AS n", [n])));
		await pool.end();
		return got.map((rows) => rows[0][0]);
	}
}

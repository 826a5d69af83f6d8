// mysql, the old driver: callbacks, text only.
import mysql from "mysql";
import { place } from "./place.mjs";
import { versions } from "./packages.mjs";

const config = { ...place, multipleStatements: true, localInfile: true };

const promised = (start) => new Promise((resolve, reject) =>
	start((e, value) => e ? reject(e) : resolve(value)));
const values = (row) => Object.values(row);

class Conn {
	constructor(conn) {
		this.conn = conn;
	}

	get id() {
		return this.conn.threadId;
	}

	async query(text, ...args) {
		const got = await promised((done) =>
			this.conn.query(text, args, done));
		this.lastId = got.insertId;
		return Array.isArray(got) ? got.map(values) : [];
	}

	begin() {
		return promised((done) => this.conn.beginTransaction(done));
	}

	commit() {
		return promised((done) => this.conn.commit(done));
	}

	rollback() {
		return promised((done) => this.conn.rollback(done));
	}

	async multi(text) {
		const got = await promised((done) => this.conn.query(text, done));
		return (Array.isArray(got[0]) || got.length > 1 ? got : [got]).map(
			(part) => Array.isArray(part) ? part.map(values) : []);
	}

	async* stream(text) {
		// Its streams are older than asynchronous iteration.
		const rows = [];
		await new Promise((resolve, reject) => this.conn.query(text)
			.on("error", reject).on("end", resolve)
			.on("result", (row) => rows.push(values(row))));
		yield* rows;
	}

	changeUser() {
		return promised((done) => this.conn.changeUser({}, done));
	}

	close() {
		return promised((done) => this.conn.end(done));
	}
}

export default class {
	constructor(name) {
		this.name = name;
	}

	version() {
		return versions("mysql");
	}

	async connect() {
		const conn = mysql.createConnection(config);
		conn.on("error", () => {});
		await promised((done) => conn.connect(done));
		return new Conn(conn);
	}

	code(e) {
		return e.errno;
	}

	async pool() {
		const pool = mysql.createPool({ ...config, connectionLimit: 6 });
		const got = await Promise.all(Array.from({ length: 60 }, (_, n) =>
			promised((done) => pool.query("SELECT ? AS n", [n], done))));
		await promised((done) => pool.end(done));
		return got.map((rows) => rows[0].n);
	}
}

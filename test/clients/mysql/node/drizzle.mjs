// Drizzle over mysql2.
import { eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/mysql2";
import { int, mysqlTable, varchar } from "drizzle-orm/mysql-core";
import mysql from "mysql2/promise";
import { HeldTransaction } from "./held.mjs";
import { config } from "./mysql2.mjs";
import { versions } from "./packages.mjs";

// The text with its question marks filled by Drizzle.
const build = (text, args) => sql.join(text.split("?").flatMap((part, i) =>
	i ? [sql`${args[i - 1]}`, sql.raw(part)] : [sql.raw(part)]));

class Conn {
	constructor(conn) {
		this.conn = conn;
		this.db = this.current = drizzle({ client: conn });
	}

	async query(text, ...args) {
		const [got] = await this.current.execute(build(text, args));
		this.lastId = got.insertId;
		return Array.isArray(got) ? got.map((row) => Object.values(row)) : [];
	}

	async begin() {
		this.held = new HeldTransaction();
		this.current = await this.held.begin((work) =>
			this.db.transaction(work));
	}

	commit() {
		this.current = this.db;
		return this.held.commit();
	}

	rollback() {
		this.current = this.db;
		return this.held.rollback();
	}

	close() {
		return this.conn.end();
	}
}

export default class {
	constructor(name) {
		this.name = name.replaceAll("-", "_");
	}

	version() {
		return versions("drizzle-orm", "mysql2");
	}

	async connect() {
		return new Conn(await mysql.createConnection(config));
	}

	code(e) {
		return e.cause?.errno ?? e.errno;
	}

	// Prepared queries on a pool, isolation levels, a transaction in another.
	async orm() {
		const person = mysqlTable("drizzle_person", {
			id: int("id").primaryKey(), name: varchar("name", { length: 40 }),
		});
		const pool = mysql.createPool({ ...config, connectionLimit: 6 });
		const db = drizzle({ client: pool });
		await db.execute(sql`DROP TABLE IF EXISTS drizzle_person`);
		await db.execute(sql`CREATE TABLE drizzle_person
			(id INT PRIMARY KEY, name VARCHAR(40))`);
		const seen = [];
		await Promise.all(Array.from({ length: 24 }, async (_, n) => {
			await db.transaction(async (tx) => {
				await tx.insert(person).values({ id: n, name: `p${n}` });
				await tx.transaction(async (inner) => {
					await inner.delete(person).where(eq(person.id, n));
					inner.rollback();
				}).catch(() => {});
			}, { isolationLevel: "read committed", accessMode: "read write" });
			const find = db.select().from(person).where(
				eq(person.id, sql.placeholder("id"))).prepare();
			seen.push((await find.execute({ id: n }))[0].name === `p${n}`);
		}));
		await pool.end();
		return seen.filter(Boolean).length;
	}
}

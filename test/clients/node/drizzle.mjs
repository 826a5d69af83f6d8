// Drizzle over node-postgres; its prepared queries are named statements.
import { drizzle } from "drizzle-orm/node-postgres";
import { eq, sql } from "drizzle-orm";
import { integer, pgTable, text as textType } from "drizzle-orm/pg-core";
import pg from "pg";
import { HeldTransaction } from "./held.mjs";
import { URL, versions } from "./packages.mjs";
import { config } from "./pg.mjs";

// The text with its $1, $2, ... filled by Drizzle.
function build(text, values) {
	const parts = text.split(/\$(\d+)/);
	return sql.join(parts.map((part, i) =>
		i % 2 ? sql`${values[part - 1]}` : sql.raw(part)));
}

class Conn {
	constructor(client) {
		this.client = client;
		this.db = drizzle({ client });
		this.current = this.db;
	}

	async query(text, ...values) {
		const { rows, fields } = await this.current.execute(
			build(text, values));
		return rows.map((row) => fields.map((f) => row[f.name]));
	}

	rows(text) {
		return this.query(text);
	}

	run(text) {
		return this.current.execute(sql.raw(text));
	}

	async show(name) {
		return (await this.query(`SHOW ${name}`))[0][0];
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
		return this.client.end();
	}
}

class Drizzle {
	constructor(name) {
		this.name = name;
	}

	version() {
		return versions("drizzle-orm", "pg");
	}

	async connect(startup) {
		const client = new pg.Client(config(startup));
		client.on("error", () => {});
		await client.connect();
		return new Conn(client);
	}

	code(e) {
		return e.cause?.code ?? e.code;
	}

	// Prepared queries on a pool, inside and outside of transactions.
	async orm() {
		const person = pgTable("drizzle_person", {
			id: integer("id").primaryKey(), name: textType("name"),
		});
		const pool = new pg.Pool({ connectionString: URL, max: 6 });
		const db = drizzle({ client: pool });
		await db.execute(sql`DROP TABLE IF EXISTS drizzle_person`);
		await db.execute(
			sql`CREATE TABLE drizzle_person (id int PRIMARY KEY, name text)`);
		const seen = [];
		await Promise.all(Array.from({ length: 24 }, async (_, n) => {
			await db.transaction(async (tx) => {
				await tx.insert(person).values({ id: n, name: `p${n}` });
				await tx.transaction(async (inner) => {
					await inner.delete(person).where(eq(person.id, n));
					inner.rollback();
				}).catch(() => {});
				const find = tx.select().from(person).where(
					eq(person.id, sql.placeholder("id"))).prepare("find");
				seen.push((await find.execute({ id: n }))[0].name === `p${n}`);
			});
			const find = db.select().from(person).where(
				eq(person.id, sql.placeholder("id"))).prepare("find");
			seen.push((await find.execute({ id: n }))[0].name === `p${n}`);
		}));
		await pool.end();
		return seen.filter(Boolean).length;
	}
}

export default (name) => new Drizzle(name);

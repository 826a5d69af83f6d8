// Knex, whose pool has one connection here where a scenario wants just one.
import knex from "knex";
import { versions } from "./packages.mjs";
import { config } from "./pg.mjs";

class Conn {
	constructor(db) {
		this.db = db;
		this.current = db;
	}

	async query(text, ...values) {
		const { rows, fields } = await this.current.raw(
			text.replace(/\$\d+/g, "?"), values);
		return rows.map((row) => fields.map((f) => row[f.name]));
	}

	rows(text) {
		return this.query(text);
	}

	run(text) {
		return this.current.raw(text);
	}

	async show(name) {
		return (await this.query(`SHOW ${name}`))[0][0];
	}

	async begin() {
		this.current = await this.db.transaction();
	}

	async commit() {
		await this.current.commit();
		this.current = this.db;
	}

	async rollback() {
		await this.current.rollback();
		this.current = this.db;
	}

	async *stream(text, highWaterMark, ...values) {
		const rows = this.current.raw(text.replace(/\$\d+/g, "?"), values)
			.stream({ highWaterMark });
		for await (const row of rows) yield Object.values(row);
	}

	close() {
		return this.db.destroy();
	}
}

const open = (startup, max) => knex({
	client: "pg", connection: config(startup), pool: { min: 0, max },
});

class Knex {
	constructor(name) {
		this.name = name;
	}

	version() {
		return versions("knex", "pg");
	}

	async connect(startup) {
		const db = open(startup, 1);
		await db.raw("SELECT 1");
		return new Conn(db);
	}

	code(e) {
		return e.code;
	}

	async orm() {
		const db = open(undefined, 6);
		await db.schema.dropTableIfExists("knex_person");
		await db.schema.createTable("knex_person", (t) => {
			t.integer("id").primary();
			t.text("name");
		});
		const seen = await Promise.all(Array.from({ length: 24 }, (_, n) =>
			db.transaction(async (tx) => {
				await tx("knex_person").insert({ id: n, name: `p${n}` });
				await tx.transaction(async (inner) => {
					await inner("knex_person").where({ id: n }).del();
					throw new Error("not this");
				}).catch(() => {});
				return (await tx("knex_person").where({ id: n }))[0].name;
			})));
		await db.destroy();
		return seen.filter((name, i) => name === `p${i}`).length;
	}

	// Migrations, which lock out each other by a row of a table of theirs.
	async migrate() {
		const names = ["1_person", "2_note"];
		const migrationSource = {
			getMigrations: async () => names,
			getMigrationName: (name) => name,
			getMigration: async (name) => ({
				up: (db) => db.schema.createTable("knex_" + name, (t) => {
					t.integer("id").primary();
				}),
				down: (db) => db.schema.dropTable("knex_" + name),
			}),
		};
		const db = open(undefined, 4);
		for (const name of [...names.map((n) => "knex_" + n),
			"knex_migrations", "knex_migrations_lock"])
			await db.schema.dropTableIfExists(name);
		const settings = { migrationSource };
		const seen = [
			await db.migrate.latest(settings),
			await db.migrate.latest(settings),
			await db.migrate.rollback(settings),
			await db.migrate.latest(settings),
		];
		await db.destroy();
		return seen;
	}
}

export default (name) => new Knex(name);

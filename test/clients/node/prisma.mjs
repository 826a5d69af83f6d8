// Prisma with its adapter for node-postgres and named statements.
import { createRequire } from "node:module";
import { PrismaPg } from "@prisma/adapter-pg";
import { HeldTransaction } from "./held.mjs";
import { URL, versions } from "./packages.mjs";
import { config, nameOf } from "./pg.mjs";

const { PrismaClient } = createRequire(import.meta.url)("./generated");

const open = (startup, max) => new PrismaClient({
	adapter: new PrismaPg({ ...config(startup), max },
		{ statementNameGenerator: ({ sql }) => nameOf(sql) }),
});

class Conn {
	constructor(client) {
		this.client = client;
		this.current = client;
	}

	async query(text, ...values) {
		if (/^INSERT/.test(text)) {
			await this.current.$executeRawUnsafe(text, ...values);
			return [];
		}
		const rows = await this.current.$queryRawUnsafe(text, ...values);
		return rows.map((row) => Object.values(row));
	}

	rows(text) {
		return this.query(text);
	}

	run(text) {
		return this.current.$executeRawUnsafe(text);
	}

	async show(name) {
		return (await this.query(`SHOW ${name}`))[0][0];
	}

	async begin() {
		this.held = new HeldTransaction();
		this.current = await this.held.begin((work) =>
			this.client.$transaction(work, { maxWait: 15000, timeout: 20000 }));
	}

	commit() {
		this.current = this.client;
		return this.held.commit();
	}

	rollback() {
		this.current = this.client;
		return this.held.rollback();
	}

	close() {
		return this.client.$disconnect();
	}
}

class Prisma {
	constructor(name) {
		this.name = name;
	}

	version() {
		return versions("@prisma/client", "@prisma/adapter-pg", "pg");
	}

	async connect(startup) {
		const conn = new Conn(open(startup, 1));
		await conn.query("SELECT 1");
		return conn;
	}

	code(e) {
		return e.meta?.driverAdapterError?.cause?.originalCode ??
			e.meta?.code ?? e.code;
	}

	async orm() {
		const db = open(undefined, 6);
		for (const text of [
			"DROP TABLE IF EXISTS prisma_note, prisma_person",
			"CREATE TABLE prisma_person (id int PRIMARY KEY," +
				" name text UNIQUE NOT NULL)",
			"CREATE TABLE prisma_note (id serial PRIMARY KEY," +
				" text text NOT NULL, \"personId\" int NOT NULL" +
				" REFERENCES prisma_person)",
		]) await db.$executeRawUnsafe(text);
		const seen = await Promise.all(Array.from({ length: 12 },
			async (_, id) => {
				await db.person.create({ data: {
					id, name: `p${id}`, notes: { create: [
						{ text: "one" }, { text: "two" }] },
				} });
				const twice = await db.person.create({
					data: { id: id + 100, name: `p${id}` },
				}).catch((e) => e.code);
				const count = await db.$transaction(async (tx) => {
					await tx.note.deleteMany({
						where: { personId: id, text: "one" } });
					return tx.note.count({ where: { personId: id } });
				}, { maxWait: 15000, timeout: 20000 });
				const found = await db.person.findUnique({
					where: { id }, include: { notes: true } });
				return [twice, count, found.notes[0].text];
			}));
		await db.$disconnect();
		return seen;
	}
}

export default (name) => new Prisma(name);

// Prisma with its adapter for MariaDB.
import { createRequire } from "node:module";
import { PrismaMariaDb } from "@prisma/adapter-mariadb";
import { HeldTransaction } from "./held.mjs";
import { place } from "./place.mjs";
import { versions } from "./packages.mjs";

const { PrismaClient } = createRequire(import.meta.url)("./generated");

const open = (connectionLimit) => new PrismaClient({
	adapter: new PrismaMariaDb({ ...place, connectionLimit,
		allowPublicKeyRetrieval: true }),
});
const patience = { maxWait: 15000, timeout: 20000 };
const plain = (value) => typeof value === "bigint" ? Number(value) : value;

class Conn {
	constructor(client) {
		this.client = this.current = client;
	}

	async query(text, ...args) {
		if (!/^\s*(SELECT|SHOW)/i.test(text)) {
			await this.current.$executeRawUnsafe(text, ...args);
			if (/^INSERT/.test(text)) {
				const [row] = await this.current.$queryRawUnsafe(
					"SELECT LAST_INSERT_ID() AS id");
				this.lastId = Number(row.id);
			}
			return [];
		}
		const rows = await this.current.$queryRawUnsafe(text, ...args);
		return rows.map((row) => Object.values(row).map(plain));
	}

	async begin() {
		this.held = new HeldTransaction();
		this.current = await this.held.begin((work) =>
			this.client.$transaction(work, patience));
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

export default class {
	constructor(name) {
		this.name = name.replaceAll("-", "_");
	}

	version() {
		return versions("@prisma/client", "@prisma/adapter-mariadb", "mariadb");
	}

	async connect() {
		const conn = new Conn(open(1));
		await conn.query("SELECT 1");
		return conn;
	}

	code(e) {
		return Number(e.meta?.driverAdapterError?.cause?.originalCode) ||
			(e.meta?.code ?? e.code);
	}

	async orm() {
		const db = open(6);
		for (const text of [
			"DROP TABLE IF EXISTS prisma_note, prisma_person",
			"CREATE TABLE prisma_person (id INT PRIMARY KEY," +
				" name VARCHAR(40) UNIQUE NOT NULL)",
			"CREATE TABLE prisma_note (id INT AUTO_INCREMENT PRIMARY KEY," +
				" text VARCHAR(100) NOT NULL, personId INT NOT NULL," +
				" KEY (personId))",
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
				}, { ...patience, isolationLevel: "ReadCommitted" });
				const found = await db.person.findUnique({
					where: { id }, include: { notes: true } });
				return [twice, count, found.notes[0].text];
			}));
		await db.$disconnect();
		return seen;
	}
}

// Uses carpool through node-postgres and postgres.js, as an app would.
//
//     node drivers.mjs pg|postgres named|unnamed
//
// DATABASE_URL says where.  named lets the driver prepare statements under
// names (its automatic statements), unnamed does without, as transaction
// pooling needs it.  Prints "ok" and ends with status 0 when all holds.
import assert from "node:assert/strict";

const [, , driver, style] = process.argv;
const url = process.env.DATABASE_URL;
const table = `node_${driver}_${style}`;

async function throughPg() {
	const { default: pg } = await import("pg");
	const pool = new pg.Pool({ connectionString: url, max: 8 });
	const named = (text, values) =>
		style === "named" ? { name: text, text, values } : { text, values };

	await pool.query(`DROP TABLE IF EXISTS ${table}`);
	await pool.query(`CREATE TABLE ${table} (a int, b text)`);
	const client = await pool.connect();
	try {
		await client.query("BEGIN");
		for (let i = 0; i < 20; i++)
			await client.query(
				named(`INSERT INTO ${table} VALUES ($1, $2)`, [i, `row ${i}`]));
		await client.query("COMMIT");
		await client.query("BEGIN");
		await client.query(`DELETE FROM ${table}`);
		await client.query("ROLLBACK");
	} finally {
		client.release();
	}
	const answers = await Promise.all(Array.from({ length: 200 }, (_, i) =>
		pool.query(named("SELECT $1::int AS n, count(*)::int AS c FROM " + table,
			[i]))));
	answers.forEach((r, i) => assert.deepEqual(r.rows, [{ n: i, c: 20 }]));
	await assert.rejects(pool.query("SELECT 1/0"), { code: "22012" });
	await assert.rejects(
		pool.query(named("SELECT $1::int + missing", [1])), { code: "42703" });
	const r = await pool.query(named("SELECT $1::jsonb AS j", [{ deep: [1] }]));
	assert.deepEqual(r.rows[0].j, { deep: [1] });
	await pool.end();
}

async function throughPostgres() {
	const { default: postgres } = await import("postgres");
	const sql = postgres(url, {
		max: 8, prepare: style === "named", onnotice: () => {},
	});

	await sql`DROP TABLE IF EXISTS ${sql(table)}`;
	await sql`CREATE TABLE ${sql(table)} (a int, b text)`;
	await sql.begin(async (tx) => {
		for (let i = 0; i < 20; i++)
			await tx`INSERT INTO ${tx(table)} VALUES (${i}, ${"row " + i})`;
	});
	await assert.rejects(sql.begin(async (tx) => {
		await tx`DELETE FROM ${tx(table)}`;
		throw new Error("changed my mind");
	}), /changed my mind/);
	// a pipeline on few connections
	const answers = await Promise.all(Array.from({ length: 200 }, (_, i) =>
		sql`SELECT ${i}::int AS n, count(*)::int AS c FROM ${sql(table)}`));
	answers.forEach((rows, i) => assert.deepEqual([...rows], [{ n: i, c: 20 }]));
	await assert.rejects(sql`SELECT 1/0`, { code: "22012" });
	const seen = [];
	await sql`SELECT generate_series(1, 25) AS g`.cursor(10, (rows) => {
		seen.push(...rows.map((r) => r.g));
	});
	assert.equal(seen.length, 25);
	const big = "x".repeat(200000);
	const [row] = await sql`SELECT ${big}::text AS t`;
	assert.equal(row.t, big);
	await sql.end();
}

await { pg: throughPg, postgres: throughPostgres }[driver]();
console.log("ok");

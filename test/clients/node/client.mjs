// A Node driver runs scenarios: see ../matrix.py.
import { main } from "./scenarios.mjs";

const FILES = {
	"pg": "./pg.mjs",
	"postgres": "./postgres.mjs",
	"drizzle": "./drizzle.mjs",
	"knex": "./knex.mjs",
	"prisma": "./prisma.mjs",
	"graphile-worker": "./graphile.mjs",
	"graphile-worker-node20": "./graphile.mjs",
	"pg-boss": "./boss.mjs",
};

await main(async (name) => {
	const { default: make } = await import(FILES[name]);
	return make(name);
});

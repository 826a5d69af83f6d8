// A Node driver of MySQL runs scenarios: see ../../my_matrix.py.
import { main } from "./scenarios.mjs";

const FILES = {
	"mysql": "./mysql.mjs",
	"mysql2": "./mysql2.mjs",
	"mariadb": "./mariadb.mjs",
	"drizzle-mysql2": "./drizzle.mjs",
	"prisma-mariadb": "./prisma.mjs",
};

await main(async (name) => {
	const { default: Driver } = await import(FILES[name]);
	return new Driver(name);
});

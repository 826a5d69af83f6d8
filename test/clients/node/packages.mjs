import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

// "name version" of installed packages.
export function versions(...names) {
	return names.map((name) => {
		const path = join(here, "node_modules", name, "package.json");
		return `${name} ${JSON.parse(readFileSync(path)).version}`;
	}).join(", ");
}

export const URL = process.env.DATABASE_URL;

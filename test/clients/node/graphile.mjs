// Graphile Worker: jobs for a worker that is woken by NOTIFY.
import pg from "pg";
import { until } from "./scenarios.mjs";
import { URL, versions } from "./packages.mjs";

const quiet = { error() {}, warn() {}, info() {}, debug() {} };

export default async (name) => {
	const { Logger, makeWorkerUtils, run } = await import(name);
	const logger = new Logger(() => (level, message) => {
		quiet[level]?.(message);
	});
	return {
		name,
		version: () => versions(name, "pg"),
		code: (e) => e.code,
		async queue() {
			const client = new pg.Client(URL);
			await client.connect();
			await client.query("DROP SCHEMA IF EXISTS graphile_worker CASCADE");
			await client.end();
			const done = [];
			const utils = await makeWorkerUtils({
				connectionString: URL, logger });
			await utils.migrate();
			const runner = await run({
				connectionString: URL, logger, concurrency: 4,
				noHandleSignals: true,
				// Polling alone would be much too late.
				pollInterval: 300000,
				taskList: { add: async ({ n }) => { done.push(n); } },
			});
			for (let n = 0; n < 30; n++) {
				await utils.addJob("add", { n });
				if (n % 10 === 9)
					await until(() => done.length === n + 1, "jobs");
			}
			await runner.stop();
			await utils.release();
			return done.sort((a, b) => a - b);
		},
	};
};

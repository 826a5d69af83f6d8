// pg-boss: a queue that polls, with schedules under advisory locks.
import pg from "pg";
import { until } from "./scenarios.mjs";
import { URL, versions } from "./packages.mjs";

export default async (name) => {
	const { PgBoss } = await import("pg-boss");
	return {
		name,
		version: () => versions(name, "pg"),
		code: (e) => e.code,
		async queue() {
			const client = new pg.Client(URL);
			await client.connect();
			await client.query("DROP SCHEMA IF EXISTS pgboss CASCADE");
			await client.end();
			const boss = new PgBoss(URL);
			boss.on("error", () => {});
			await boss.start();
			await boss.createQueue("add");
			const done = [];
			await boss.work("add", { pollingIntervalSeconds: 0.5 },
				async (jobs) => { done.push(...jobs.map((j) => j.data.n)); });
			for (let n = 0; n < 5; n++) await boss.send("add", { n });
			await until(() => done.length === 5, "jobs", 20);
			await boss.stop({ graceful: false });
			return done.sort((a, b) => a - b);
		},
	};
};

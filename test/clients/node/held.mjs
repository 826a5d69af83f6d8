// begin, commit and rollback for libraries whose transaction is a function:
// the function waits until it is told how to end.

export class HeldTransaction {
	// start(work) runs work(tx) in a transaction.
	async begin(start) {
		const said = withResolvers();
		const ready = withResolvers();
		this.said = said;
		this.over = start((tx) => {
			ready.resolve(tx);
			return said.promise;
		});
		this.over.catch((e) => ready.reject(e));
		return ready.promise;
	}

	async commit() {
		this.said.resolve();
		await this.over;
	}

	async rollback() {
		const why = new Error("rollback");
		this.said.reject(why);
		await this.over.catch((e) => {
			if (e !== why) throw e;
		});
	}
}

function withResolvers() {
	const out = {};
	out.promise = new Promise((resolve, reject) => {
		Object.assign(out, { resolve, reject });
	});
	return out;
}

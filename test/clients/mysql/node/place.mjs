// Where the server is.
const env = process.env;

export const place = {
	host: env.MYSQL_HOST, port: Number(env.MYSQL_PORT), user: env.MYSQL_USER,
	password: env.MYSQL_PASSWORD, database: env.MYSQL_DATABASE,
};

//! The scenarios, over the small common face that each driver has.

use std::time::{Duration, Instant};

use futures_util::future::{join_all, try_join_all};
use serde_json::{json, Value};

const CLIENTS: usize = 8;
const ZONES: [&str; 4] = ["Asia/Tokyo", "Europe/Lisbon", "America/Lima", "Asia/Dhaka"];

#[derive(Clone)]
pub enum Arg {
    Int(i32),
    Text(String),
}

pub type Rows = Vec<Vec<String>>;
/// An error is its SQLSTATE where it has one, else its text.
pub type Answer<T> = Result<T, String>;

#[allow(async_fn_in_trait)]
pub trait Conn {
    async fn query(&mut self, text: &str, args: &[Arg]) -> Answer<Rows>;
    async fn run(&mut self, text: &str) -> Answer<()>;
    async fn close(self) -> Answer<()>;

    /// One statement with many arguments, without waiting between them.
    async fn pipeline(&mut self, _text: &str, _args: &[i32]) -> Answer<Vec<i32>> {
        Err("no pipeline".into())
    }

    /// The sum of the first rows, read in pieces within a transaction.
    async fn stream(&mut self, text: &str, arg: i32, most: usize) -> Answer<i64>;

    async fn copy_in(&mut self, table: &str, data: String) -> Answer<()>;
    async fn copy_out(&mut self, query: &str) -> Answer<String>;
    async fn listen(&mut self, channel: &str) -> Answer<()>;
    async fn unlisten(&mut self, channel: &str) -> Answer<()>;
    async fn notifications(&mut self, number: usize) -> Answer<Vec<String>>;
}

#[allow(async_fn_in_trait)]
pub trait Driver {
    type Conn: Conn;

    /// False where it always begins with a time zone of its own.
    const ZONE_AT_START: bool = true;

    fn version(&self) -> Value;
    async fn connect(&self, startup: &[(&str, String)]) -> Answer<Self::Conn>;

    /// Cancels this query as soon as `ready` says so; its error.
    async fn cancel<F: AsyncFn() -> Answer<()>>(
        &self,
        conn: &mut Self::Conn,
        text: &str,
        ready: F,
    ) -> Answer<String>;

    async fn pool(&self) -> Answer<Value> {
        Err("no pool".into())
    }
}

fn same<T: PartialEq + std::fmt::Debug>(got: T, wanted: T) -> Answer<()> {
    if got == wanted {
        return Ok(());
    }
    Err(format!("got {got:?}, not {wanted:?}"))
}

fn one(value: impl ToString) -> Rows {
    vec![vec![value.to_string()]]
}

fn failure<T>(result: Answer<T>) -> String {
    result.err().unwrap_or_else(|| "no error".into())
}

fn int(n: usize) -> Arg {
    Arg::Int(n as i32)
}

pub struct Scenarios<'a, D: Driver> {
    pub driver: &'a D,
    pub name: String,
}

impl<D: Driver> Scenarios<'_, D> {
    pub async fn run(&self, scenario: &str) -> Answer<Value> {
        match scenario {
            "version" => Ok(self.driver.version()),
            "storm" => self.storm().await,
            "interleave" => self.interleave().await,
            "reuse" => self.reuse().await,
            "errors" => self.errors().await,
            "rollback" => self.rollback().await,
            "pipeline" => self.pipeline().await,
            "cursor" => self.cursor().await,
            "copy" => self.copy().await,
            "settings" => self.settings().await,
            "startup" => self.startup().await,
            "listen" => self.listen().await,
            "cancel" => self.cancel().await,
            "schema" => self.schema().await,
            "advisory" => self.advisory().await,
            "temp" => self.temp().await,
            "discard" => self.discard().await,
            "pool" => self.driver.pool().await,
            _ => Err(format!("no scenario {scenario}")),
        }
    }

    async fn conn(&self) -> Answer<D::Conn> {
        self.driver.connect(&[]).await
    }

    async fn conns(&self, number: usize) -> Answer<Vec<D::Conn>> {
        try_join_all((0..number).map(|_| self.conn())).await
    }

    async fn table(&self, scenario: &str, columns: &str) -> Answer<String> {
        let name = format!("t_{}_{scenario}", self.name);
        let mut conn = self.conn().await?;
        conn.run(&format!("DROP TABLE IF EXISTS {name}")).await?;
        conn.run(&format!("CREATE TABLE {name} ({columns})"))
            .await?;
        conn.close().await?;
        Ok(name)
    }

    async fn storm(&self) -> Answer<Value> {
        for _ in 0..2 {
            try_join_all((0..24).map(|i| async move {
                let mut conn = self.conn().await?;
                same(conn.query("SELECT $1::int", &[int(i)]).await?, one(i))?;
                conn.close().await
            }))
            .await?;
        }
        Ok(json!(48))
    }

    async fn interleave(&self) -> Answer<Value> {
        let conns = self.conns(CLIENTS).await?;
        let work = async |i: usize, mut conn: D::Conn| {
            for n in 0..25 {
                let own = format!("{i}.{n}");
                let rows = conn
                    .query(
                        "SELECT $1::int * 2, $2::text",
                        &[int(n), Arg::Text(own.clone())],
                    )
                    .await?;
                same(rows, vec![vec![(n * 2).to_string(), own.clone()]])?;
                let text = "SELECT $1::text || 'x'";
                let rows = conn.query(text, &[Arg::Text(own.clone())]).await?;
                same(rows, one(own + "x"))?;
            }
            conn.close().await
        };
        let all = conns.into_iter().enumerate().map(|(i, c)| work(i, c));
        try_join_all(all).await?;
        Ok(json!(CLIENTS * 50))
    }

    async fn reuse(&self) -> Answer<Value> {
        let table = self.table("reuse", "client int, n int").await?;
        let insert = format!("INSERT INTO {table} VALUES ($1::int, $2::int)");
        let sum = format!("SELECT sum(n) FROM {table} WHERE client = $1::int");
        let conns = self.conns(CLIENTS).await?;
        let work = async |i: usize, mut conn: D::Conn| {
            for n in 1..8 {
                conn.run("BEGIN").await?;
                conn.query(&insert, &[int(i), int(n)]).await?;
                let rows = conn.query(&sum, &[int(i)]).await?;
                same(rows, one(n * (n + 1) / 2))?;
                conn.run("COMMIT").await?;
            }
            conn.close().await
        };
        let all = conns.into_iter().enumerate().map(|(i, c)| work(i, c));
        try_join_all(all).await?;
        let mut conn = self.conn().await?;
        let count = format!("SELECT count(*) FROM {table}");
        Ok(json!(conn.query(&count, &[]).await?))
    }

    async fn errors(&self) -> Answer<Value> {
        let table = self.table("errors", "a int PRIMARY KEY").await?;
        let insert = format!("INSERT INTO {table} VALUES ($1::int)");
        let conns = self.conns(4).await?;
        let work = async |i: usize, mut conn: D::Conn| {
            let mut seen = vec![];
            for n in 0..3 {
                let key = [int(i * 10 + n)];
                conn.query(&insert, &key).await?;
                seen.clear();
                for text in [
                    "SELECT missing + $1::int",
                    "SELECT $1::int FROM not_there",
                    "SELECT $1::int / 0",
                ] {
                    seen.push(failure(conn.query(text, &[int(n)]).await));
                }
                seen.push(failure(conn.query(&insert, &key).await));
                let rows = conn.query("SELECT $1::int + 1", &[int(n)]).await?;
                same(rows, one(n + 1))?;
            }
            conn.close().await?;
            Ok::<_, String>(seen)
        };
        let all = conns.into_iter().enumerate().map(|(i, c)| work(i, c));
        Ok(json!(try_join_all(all).await?))
    }

    async fn rollback(&self) -> Answer<Value> {
        let table = self.table("rollback", "a int").await?;
        let insert = format!("INSERT INTO {table} VALUES ($1::int)");
        let count = format!("SELECT count(*) FROM {table} WHERE a = $1::int");
        let conns = self.conns(4).await?;
        let work = async |i: usize, mut conn: D::Conn| {
            let own = [int(i)];
            let mut seen = vec![];
            for _ in 0..3 {
                seen.clear();
                conn.run("BEGIN").await?;
                conn.query(&insert, &own).await?;
                seen.push(failure(conn.query("SELECT $1::int / 0", &own).await));
                seen.push(failure(conn.query(&count, &own).await));
                conn.run("ROLLBACK").await?;
                same(conn.query(&count, &own).await?, one(0))?;
            }
            conn.run("BEGIN").await?;
            conn.query(&insert, &own).await?;
            conn.run("COMMIT").await?;
            seen.push(conn.query(&count, &own).await?[0][0].clone());
            conn.close().await?;
            Ok::<_, String>(seen)
        };
        let all = conns.into_iter().enumerate().map(|(i, c)| work(i, c));
        Ok(json!(try_join_all(all).await?))
    }

    async fn pipeline(&self) -> Answer<Value> {
        let conns = self.conns(4).await?;
        let many: Vec<i32> = (0..20).collect();
        let wanted: Vec<i32> = (1..21).collect();
        let work = async |i: usize, mut conn: D::Conn| {
            let mut bad = String::new();
            for _ in 0..3 {
                let got = conn.pipeline("SELECT $1::int + 1", &many).await?;
                same(&got, &wanted)?;
                bad = failure(conn.pipeline("SELECT 10 / $1::int", &[5, 0, 2]).await);
                let rows = conn.query("SELECT $1::int", &[int(i)]).await?;
                same(rows, one(i))?;
            }
            conn.close().await?;
            Ok::<_, String>(bad)
        };
        let all = conns.into_iter().enumerate().map(|(i, c)| work(i, c));
        Ok(json!(try_join_all(all).await?))
    }

    async fn cursor(&self) -> Answer<Value> {
        let conns = self.conns(4).await?;
        let text = "SELECT g FROM generate_series(1, $1::int) g";
        let work = async |mut conn: D::Conn| {
            let total = conn.stream(text, 1000, usize::MAX).await?;
            let few = conn.stream(text, 100000, 100).await?;
            same(conn.query("SELECT $1::int", &[int(5)]).await?, one(5))?;
            conn.close().await?;
            Ok::<_, String>(vec![total, few])
        };
        Ok(json!(try_join_all(conns.into_iter().map(work)).await?))
    }

    async fn copy(&self) -> Answer<Value> {
        let table = self.table("copy", "a int, b text").await?;
        let conns = self.conns(4).await?;
        let work = async |i: usize, mut conn: D::Conn| {
            let lines: Vec<String> = (0..300).map(|n| format!("row {n}\n")).collect();
            let data = lines.iter().map(|l| format!("{i}\t{l}")).collect();
            conn.copy_in(&table, data).await?;
            let query = format!("SELECT b FROM {table} WHERE a = {i} ORDER BY length(b), b");
            same(conn.copy_out(&query).await?, lines.concat())?;
            let bad = conn.copy_in(&table, "1\tgood\nbad\tbad\n".into()).await;
            let rows = conn.query("SELECT $1::int", &[int(i)]).await?;
            same(rows, one(i))?;
            conn.close().await?;
            Ok::<_, String>(failure(bad))
        };
        let all = conns.into_iter().enumerate().map(|(i, c)| work(i, c));
        Ok(json!(try_join_all(all).await?))
    }

    async fn schemas(&self, scenario: &str) -> Answer<Vec<String>> {
        let mut conn = self.conn().await?;
        let mut names = vec![];
        for i in 0..4 {
            let name = format!("s_{}_{scenario}_{i}", self.name);
            conn.run(&format!("DROP SCHEMA IF EXISTS {name} CASCADE"))
                .await?;
            conn.run(&format!("CREATE SCHEMA {name}")).await?;
            conn.run(&format!(
                "CREATE TABLE {name}.who AS SELECT '{name}'::text AS w"
            ))
            .await?;
            names.push(name);
        }
        conn.close().await?;
        Ok(names)
    }

    /// Each connection has its own settings, again and again.
    async fn watch(conns: &mut [D::Conn], names: &[String]) -> Answer<()> {
        let work = async |i: usize, conn: &mut D::Conn| {
            for n in 0..10 {
                let who = "SELECT w FROM who WHERE $1::int >= 0";
                same(conn.query(who, &[int(n)]).await?, one(&names[i]))?;
                let rows = conn.query("SHOW statement_timeout", &[]).await?;
                same(rows, one(format!("{}s", i + 11)))?;
                same(conn.query("SHOW timezone", &[]).await?, one(ZONES[i]))?;
            }
            Ok::<_, String>(())
        };
        let all = conns.iter_mut().enumerate().map(|(i, c)| work(i, c));
        try_join_all(all).await?;
        Ok(())
    }

    async fn defaults(&self) -> Answer<Vec<Rows>> {
        let mut conn = self.conn().await?;
        let seen = vec![
            conn.query("SHOW search_path", &[]).await?,
            conn.query("SHOW statement_timeout", &[]).await?,
            conn.query("SHOW timezone", &[]).await?,
        ];
        conn.close().await?;
        Ok(seen)
    }

    async fn settings(&self) -> Answer<Value> {
        let names = self.schemas("settings").await?;
        let mut conns = self.conns(4).await?;
        for (i, conn) in conns.iter_mut().enumerate() {
            conn.run(&format!("SET search_path = {}", names[i])).await?;
            conn.run(&format!("SET statement_timeout = '{}s'", i + 11))
                .await?;
            conn.run(&format!("SET TIME ZONE '{}'", ZONES[i])).await?;
        }
        Self::watch(&mut conns, &names).await?;
        let mut seen = self.defaults().await?;
        conns[0].run("BEGIN").await?;
        conns[0].run("SET statement_timeout = '99s'").await?;
        conns[0].run("ROLLBACK").await?;
        Self::watch(&mut conns, &names).await?;
        conns[1].run("RESET statement_timeout").await?;
        conns[1].run("RESET search_path").await?;
        seen.push(conns[1].query("SHOW statement_timeout", &[]).await?);
        seen.push(conns[1].query("SHOW search_path", &[]).await?);
        seen.push(conns[2].query("SHOW statement_timeout", &[]).await?);
        Ok(json!(seen))
    }

    async fn startup(&self) -> Answer<Value> {
        let names = self.schemas("startup").await?;
        let mut conns = vec![];
        for i in 0..4 {
            let startup = [
                ("search_path", names[i].clone()),
                ("timezone", ZONES[i].to_string()),
                ("statement_timeout", format!("{}s", i + 11)),
            ];
            let mut conn = self.driver.connect(&startup).await?;
            if !D::ZONE_AT_START {
                conn.run(&format!("SET TIME ZONE '{}'", ZONES[i])).await?;
            }
            conns.push(conn);
        }
        Self::watch(&mut conns, &names).await?;
        conns[0].run("SET statement_timeout = '99s'").await?;
        conns[0].run("RESET statement_timeout").await?;
        Self::watch(&mut conns, &names).await?;
        Ok(json!(self.defaults().await?))
    }

    async fn listen(&self) -> Answer<Value> {
        let channel = format!("news_{}", self.name);
        let mut conns = self.conns(2).await?;
        let mut others = self.conns(4).await?;
        for conn in conns.iter_mut() {
            conn.listen(&channel).await?;
        }
        for (n, other) in others.iter_mut().enumerate().take(3) {
            other.run(&format!("NOTIFY {channel}, 'n{n}'")).await?;
        }
        let last = &mut others[3];
        last.run("BEGIN").await?;
        last.run(&format!("NOTIFY {channel}, 'never'")).await?;
        last.run("ROLLBACK").await?;
        last.run("BEGIN").await?;
        last.run(&format!("NOTIFY {channel}, 'n3'")).await?;
        last.run("COMMIT").await?;
        let mut seen = vec![
            conns[0].notifications(4).await?,
            conns[1].notifications(4).await?,
        ];
        let rows = conns[0].query("SELECT $1::int", &[int(3)]).await?;
        same(rows, one(3))?;
        conns[0].unlisten(&channel).await?;
        others[0].run(&format!("NOTIFY {channel}, 'last'")).await?;
        seen.push(conns[1].notifications(1).await?);
        let rows = conns[0].query("SELECT $1::int", &[int(4)]).await?;
        same(rows, one(4))?;
        seen.push(conns[0].notifications(0).await?);
        Ok(json!(seen))
    }

    async fn cancel(&self) -> Answer<Value> {
        let mut conn = self.conn().await?;
        let mark = format!("mark {} cancel", self.name);
        let ready = async || {
            let mut other = self.conn().await?;
            let end = Instant::now() + Duration::from_secs(10);
            loop {
                let rows = other
                    .query(
                        "SELECT count(*) FROM pg_stat_activity \
                         WHERE state = 'active' AND pid <> pg_backend_pid() \
                         AND query LIKE $1::text AND wait_event = 'PgSleep'",
                        &[Arg::Text(format!("%{mark}%"))],
                    )
                    .await?;
                if rows == one(1) {
                    return other.close().await;
                }
                if Instant::now() > end {
                    return Err("the query does not run".into());
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let text = format!("SELECT pg_sleep(30)::text /* {mark} */");
        let seen = self.driver.cancel(&mut conn, &text, ready).await?;
        let rows = conn.query("SELECT $1::int", &[int(1)]).await?;
        same(rows, one(1))?;
        Ok(json!(seen))
    }

    async fn schema(&self) -> Answer<Value> {
        let table = self.table("schema", "a int").await?;
        let mut conns = self.conns(4).await?;
        let mut owner = self.conn().await?;
        owner
            .run(&format!("INSERT INTO {table} VALUES (1)"))
            .await?;
        let text = format!("SELECT * FROM {table} WHERE a = $1::int");
        let read = async |conn: &mut D::Conn| {
            let rows = conn.query(&text, &[int(1)]).await;
            rows.map_or_else(
                |e| e,
                |rows| match rows[0][0].as_str() {
                    "1" => format!("{} columns", rows[0].len()),
                    wrong => format!("wrong value {wrong}"),
                },
            )
        };
        let outside =
            async |conn: &mut D::Conn| vec![read(conn).await, read(conn).await, read(conn).await];
        let inside = async |conn: &mut D::Conn| {
            conn.run("BEGIN").await?;
            let first = read(conn).await;
            conn.run(if first.ends_with("columns") {
                "COMMIT"
            } else {
                "ROLLBACK"
            })
            .await?;
            Ok::<_, String>(vec![first, read(conn).await, read(conn).await])
        };
        let mut seen = vec![join_all(conns.iter_mut().map(outside)).await];
        owner
            .run(&format!("ALTER TABLE {table} ADD COLUMN b int"))
            .await?;
        seen.push(join_all(conns.iter_mut().map(outside)).await);
        owner
            .run(&format!("ALTER TABLE {table} ADD COLUMN c int"))
            .await?;
        seen.push(try_join_all(conns.iter_mut().map(inside)).await?);
        // Binary values are longer from now on.
        owner
            .run(&format!("ALTER TABLE {table} ALTER COLUMN a TYPE bigint"))
            .await?;
        seen.push(join_all(conns.iter_mut().map(outside)).await);
        Ok(json!(seen))
    }

    async fn advisory(&self) -> Answer<Value> {
        let mut a = self.conn().await?;
        let mut b = self.conn().await?;
        let key = [int(7004)];
        let attempt = "SELECT pg_try_advisory_lock($1::int)";
        let lock = "SELECT pg_advisory_lock($1::int)::text";
        let unlock = "SELECT pg_advisory_unlock($1::int)";
        a.query(lock, &key).await?;
        let mut seen = vec![b.query(attempt, &key).await?];
        for n in 0..3 {
            a.run("BEGIN").await?;
            same(a.query("SELECT $1::int", &[int(n)]).await?, one(n))?;
            a.run("COMMIT").await?;
        }
        seen.push(b.query(attempt, &key).await?);
        seen.push(a.query(unlock, &key).await?);
        seen.push(b.query(attempt, &key).await?);
        seen.push(b.query(unlock, &key).await?);
        a.query(lock, &key).await?;
        a.close().await?;
        let end = Instant::now() + Duration::from_secs(10);
        while b.query(attempt, &key).await? != one(true) {
            if Instant::now() > end {
                return Err("a closed connection keeps its lock".into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        seen.push(b.query(unlock, &key).await?);
        Ok(json!(seen))
    }

    async fn discard(&self) -> Answer<Value> {
        let conns = self.conns(CLIENTS).await?;
        let work = async |i: usize, mut conn: D::Conn| {
            let text = format!("SELECT $1::int + {}", i % 2);
            for _ in 0..6 {
                let rows = conn.query(&text, &[int(1)]).await?;
                same(rows, one(1 + i % 2))?;
            }
            let mut seen = vec![];
            for command in ["DEALLOCATE ALL", "DISCARD ALL", "DEALLOCATE ALL"] {
                conn.run(command).await?;
                seen.push(failure(conn.query(&text, &[int(1)]).await));
                seen.push(failure(conn.query(&text, &[int(1)]).await));
            }
            conn.close().await?;
            Ok::<_, String>(seen)
        };
        let all = conns.into_iter().enumerate().map(|(i, c)| work(i, c));
        Ok(json!(try_join_all(all).await?))
    }

    async fn temp(&self) -> Answer<Value> {
        let mut a = self.conn().await?;
        let mut b = self.conn().await?;
        let mut c = self.conn().await?;
        let name = format!("tt_{}", self.name);
        let read = format!("SELECT n FROM {name} WHERE n >= $1::int ORDER BY n");
        let insert = format!("INSERT INTO {name} VALUES ($1::int)");
        a.run(&format!("CREATE TEMPORARY TABLE {name} (n int)"))
            .await?;
        for n in 0..5 {
            a.run("BEGIN").await?;
            a.query(&insert, &[int(n)]).await?;
            a.run("COMMIT").await?;
            same(c.query("SELECT $1::int", &[int(n)]).await?, one(n))?;
        }
        let mut seen = vec![
            json!(a.query(&read, &[int(0)]).await?),
            json!(failure(b.query(&read, &[int(0)]).await)),
        ];
        a.run(&format!("DROP TABLE {name}")).await?;
        seen.push(json!(failure(a.query(&read, &[int(0)]).await)));
        a.run(&format!("CREATE TEMPORARY TABLE {name} AS SELECT 8 AS n"))
            .await?;
        // Some drivers hold the old statement, as they do directly.
        seen.push(match a.query(&read, &[int(1)]).await {
            Ok(rows) => json!(rows),
            Err(state) => json!(state),
        });
        a.close().await?;
        seen.push(json!(failure(b.query(&read, &[int(0)]).await)));
        Ok(json!(seen))
    }
}

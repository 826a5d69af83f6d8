//! sqlx, whose connections prepare each text once, without being asked.

use std::str::FromStr;
use std::time::Duration;

use futures_util::TryStreamExt;
use serde_json::{json, Value};
use sqlx::postgres::{
    PgArguments, PgConnectOptions, PgConnection, PgListener, PgPoolCopyExt, PgPoolOptions, PgRow,
};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Column, Connection, Error, Executor, Postgres, Row, TypeInfo};

use crate::scenarios::{Answer, Arg, Conn, Driver, Rows};

pub struct Sqlx;

pub struct SqlxConn {
    conn: PgConnection,
    listener: Option<PgListener>,
}

fn code(error: Error) -> String {
    let state = error.as_database_error().and_then(|e| e.code());
    state.map_or_else(|| error.to_string(), |state| state.to_string())
}

fn prepared(text: &str) -> Query<'static, Postgres, PgArguments> {
    sqlx::query(AssertSqlSafe(text.to_string()))
}

fn text(row: &PgRow, i: usize) -> Answer<String> {
    Ok(match row.column(i).type_info().name() {
        "INT4" => format!("{:?}", row.try_get::<Option<i32>, _>(i).map_err(code)?),
        "INT8" => format!("{:?}", row.try_get::<Option<i64>, _>(i).map_err(code)?),
        "BOOL" => format!("{:?}", row.try_get::<Option<bool>, _>(i).map_err(code)?),
        _ => return row.try_get::<String, _>(i).map_err(code),
    }
    .trim_start_matches("Some(")
    .trim_end_matches(')')
    .to_string())
}

fn options(startup: &[(&str, String)]) -> Answer<PgConnectOptions> {
    let url = std::env::var("DATABASE_URL").unwrap();
    let options = PgConnectOptions::from_str(&url).map_err(code)?;
    Ok(options.options(startup.iter().map(|(n, v)| (*n, v))))
}

impl Conn for SqlxConn {
    async fn query(&mut self, text_: &str, args: &[Arg]) -> Answer<Rows> {
        let mut query = prepared(text_);
        for arg in args {
            query = match arg {
                Arg::Int(n) => query.bind(*n),
                Arg::Text(s) => query.bind(s.clone()),
            };
        }
        let rows = query.fetch_all(&mut self.conn).await.map_err(code)?;
        rows.iter()
            .map(|row| (0..row.len()).map(|i| text(row, i)).collect())
            .collect()
    }

    async fn run(&mut self, text: &str) -> Answer<()> {
        let text = AssertSqlSafe(text.to_string());
        let done = self.conn.execute(sqlx::raw_sql(text)).await;
        done.map(|_| ()).map_err(code)
    }

    async fn close(self) -> Answer<()> {
        self.conn.close().await.map_err(code)
    }

    /// Rows as they come; the rest of them is dropped.
    async fn stream(&mut self, text: &str, arg: i32, most: usize) -> Answer<i64> {
        let mut tx = self.conn.begin().await.map_err(code)?;
        let (mut sum, mut count) = (0, 0);
        {
            let mut rows = prepared(text).bind(arg).fetch(&mut *tx);
            while let Some(row) = rows.try_next().await.map_err(code)? {
                sum += i64::from(row.get::<i32, _>(0));
                count += 1;
                if count == most {
                    break;
                }
            }
        }
        tx.commit().await.map_err(code)?;
        Ok(sum)
    }

    async fn copy_in(&mut self, table: &str, data: String) -> Answer<()> {
        let text = format!("COPY {table} FROM STDIN");
        let mut copy = self.conn.copy_in_raw(&text).await.map_err(code)?;
        copy.send(data.into_bytes()).await.map_err(code)?;
        copy.finish().await.map(|_| ()).map_err(code)
    }

    async fn copy_out(&mut self, query: &str) -> Answer<String> {
        let text = format!("COPY ({query}) TO STDOUT");
        let stream = self.conn.copy_out_raw(&text).await.map_err(code)?;
        let parts: Vec<_> = stream.try_collect().await.map_err(code)?;
        String::from_utf8(parts.concat()).map_err(|e| e.to_string())
    }

    /// On a connection of its own, as it is sqlx's way.
    async fn listen(&mut self, channel: &str) -> Answer<()> {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .connect_with(options(&[])?)
            .await
            .map_err(code)?;
        let mut made = PgListener::connect_with(&pool).await.map_err(code)?;
        made.listen(channel).await.map_err(code)?;
        self.listener = Some(made);
        Ok(())
    }

    async fn unlisten(&mut self, channel: &str) -> Answer<()> {
        let listener = self.listener.as_mut().unwrap();
        listener.unlisten(channel).await.map_err(code)
    }

    async fn notifications(&mut self, number: usize) -> Answer<Vec<String>> {
        let listener = self.listener.as_mut().unwrap();
        let mut got = vec![];
        while got.len() < number {
            let next = listener.recv();
            match tokio::time::timeout(Duration::from_secs(10), next).await {
                Ok(Ok(note)) => got.push(note.payload().to_string()),
                _ => return Err(format!("heard only {got:?}")),
            }
        }
        Ok(got)
    }
}

impl Driver for Sqlx {
    type Conn = SqlxConn;
    const ZONE_AT_START: bool = false;

    fn version(&self) -> Value {
        crate::version("sqlx")
    }

    async fn connect(&self, startup: &[(&str, String)]) -> Answer<SqlxConn> {
        let options = options(startup)?;
        let conn = PgConnection::connect_with(&options).await.map_err(code)?;
        Ok(SqlxConn {
            conn,
            listener: None,
        })
    }

    async fn cancel<F: AsyncFn() -> Answer<()>>(
        &self,
        _conn: &mut SqlxConn,
        _text: &str,
        _ready: F,
    ) -> Answer<String> {
        Err("sqlx cancels nothing".into())
    }

    /// The driver's own pool, which pings what it gives out.
    async fn pool(&self) -> Answer<Value> {
        let pool = PgPoolOptions::new()
            .max_connections(6)
            .connect_with(options(&[])?)
            .await
            .map_err(code)?;
        let jobs = (0..60).map(|n: i32| {
            let pool = pool.clone();
            async move {
                let mut tx = pool.begin().await.map_err(code)?;
                let query = prepared("SELECT $1::int").bind(n);
                let row = query.fetch_one(&mut *tx).await.map_err(code)?;
                tx.commit().await.map_err(code)?;
                match row.get::<i32, _>(0) == n {
                    true => Ok(()),
                    false => Err("another's answer".to_string()),
                }
            }
        });
        futures_util::future::try_join_all(jobs).await?;
        let mut out = String::new();
        let text = "COPY (SELECT 1) TO STDOUT";
        let stream = pool.copy_out_raw(text).await.map_err(code)?;
        let parts: Vec<_> = stream.try_collect().await.map_err(code)?;
        for part in parts {
            out += std::str::from_utf8(&part).unwrap();
        }
        pool.close().await;
        Ok(json!([60, out]))
    }
}

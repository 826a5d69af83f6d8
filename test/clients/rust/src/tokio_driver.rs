//! tokio-postgres; each text is prepared once on each connection.

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{self, poll_fn};
use futures_util::{SinkExt, TryStreamExt};
use serde_json::Value;
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Error, NoTls, Row, Statement};

use crate::scenarios::{Answer, Arg, Conn, Driver, Rows};

pub struct Tokio;

pub struct TokioConn {
    client: Client,
    cache: HashMap<String, Statement>,
    heard: UnboundedReceiver<String>,
    over: tokio::task::JoinHandle<()>,
}

fn code(error: Error) -> String {
    match error.code() {
        Some(state) => state.code().to_string(),
        None => error.to_string(),
    }
}

fn text(row: &Row, i: usize) -> String {
    match *row.columns()[i].type_() {
        Type::INT4 => format!("{:?}", row.get::<_, Option<i32>>(i)),
        Type::INT8 => format!("{:?}", row.get::<_, Option<i64>>(i)),
        Type::BOOL => format!("{:?}", row.get::<_, Option<bool>>(i)),
        _ => return row.get::<_, Option<String>>(i).unwrap_or_default(),
    }
    .trim_start_matches("Some(")
    .trim_end_matches(')')
    .to_string()
}

impl TokioConn {
    async fn statement(&mut self, text: &str) -> Answer<Statement> {
        if let Some(known) = self.cache.get(text) {
            return Ok(known.clone());
        }
        let made = self.client.prepare(text).await.map_err(code)?;
        self.cache.insert(text.to_string(), made.clone());
        Ok(made)
    }
}

impl Conn for TokioConn {
    async fn query(&mut self, text_: &str, args: &[Arg]) -> Answer<Rows> {
        let statement = self.statement(text_).await?;
        let args: Vec<&(dyn ToSql + Sync)> = args
            .iter()
            .map(|arg| match arg {
                Arg::Int(n) => n as _,
                Arg::Text(s) => s as _,
            })
            .collect();
        let result = self.client.query(&statement, &args).await.map_err(code);
        if result.as_ref().is_err_and(|e| e == "0A000") {
            self.cache.remove(text_);
        }
        let rows = result?;
        Ok(rows
            .iter()
            .map(|row| (0..row.len()).map(|i| text(row, i)).collect())
            .collect())
    }

    async fn run(&mut self, text: &str) -> Answer<()> {
        self.client.batch_execute(text).await.map_err(code)
    }

    async fn close(self) -> Answer<()> {
        drop(self.cache);
        drop(self.client);
        self.over.await.map_err(|e| e.to_string())
    }

    async fn pipeline(&mut self, text: &str, args: &[i32]) -> Answer<Vec<i32>> {
        let statement = self.statement(text).await?;
        let all = args.iter().map(|n| {
            let client = &self.client;
            let statement = &statement;
            async move { client.query_one(statement, &[n]).await }
        });
        // All of them are answered, also those behind an error.
        let rows = future::join_all(all).await;
        rows.into_iter()
            .map(|row| row.map(|r| r.get(0)).map_err(code))
            .collect()
    }

    /// Portals with a limit of rows.
    async fn stream(&mut self, text: &str, arg: i32, most: usize) -> Answer<i64> {
        let statement = self.statement(text).await?;
        let tx = self.client.transaction().await.map_err(code)?;
        let portal = tx.bind(&statement, &[&arg]).await.map_err(code)?;
        let (mut sum, mut count) = (0, 0);
        loop {
            let rows = tx.query_portal(&portal, 70).await.map_err(code)?;
            for row in &rows {
                if count < most {
                    sum += i64::from(row.get::<_, i32>(0));
                    count += 1;
                }
            }
            if rows.len() < 70 || count == most {
                break;
            }
        }
        drop(portal);
        tx.commit().await.map_err(code)?;
        Ok(sum)
    }

    async fn copy_in(&mut self, table: &str, data: String) -> Answer<()> {
        let text = format!("COPY {table} FROM STDIN");
        let sink = self.client.copy_in(&text).await.map_err(code)?;
        let mut sink = pin!(sink);
        let bytes: std::collections::VecDeque<u8> = data.into_bytes().into();
        sink.send(bytes).await.map_err(code)?;
        sink.finish().await.map_err(code)?;
        Ok(())
    }

    async fn copy_out(&mut self, query: &str) -> Answer<String> {
        let text = format!("COPY ({query}) TO STDOUT");
        let stream = self.client.copy_out(&text).await.map_err(code)?;
        let parts: Vec<_> = stream.try_collect().await.map_err(code)?;
        String::from_utf8(parts.concat()).map_err(|e| e.to_string())
    }

    async fn listen(&mut self, channel: &str) -> Answer<()> {
        self.run(&format!("LISTEN {channel}")).await
    }

    async fn unlisten(&mut self, channel: &str) -> Answer<()> {
        self.run(&format!("UNLISTEN {channel}")).await
    }

    async fn notifications(&mut self, number: usize) -> Answer<Vec<String>> {
        let mut got = vec![];
        while got.len() < number {
            let next = self.heard.recv();
            match tokio::time::timeout(Duration::from_secs(10), next).await {
                Ok(Some(payload)) => got.push(payload),
                _ => return Err(format!("heard only {got:?}")),
            }
        }
        while let Ok(payload) = self.heard.try_recv() {
            got.push(payload);
        }
        Ok(got)
    }
}

impl Driver for Tokio {
    type Conn = TokioConn;

    fn version(&self) -> Value {
        crate::version("tokio-postgres")
    }

    async fn connect(&self, startup: &[(&str, String)]) -> Answer<TokioConn> {
        let url = std::env::var("DATABASE_URL").unwrap();
        let mut config: tokio_postgres::Config = url.parse().map_err(code)?;
        let options: Vec<String> = startup
            .iter()
            .map(|(name, value)| format!("-c {name}={value}"))
            .collect();
        if !options.is_empty() {
            config.options(options.join(" "));
        }
        let (client, mut connection) = config.connect(NoTls).await.map_err(|e| {
            let text = format!("{e:?}");
            if e.code().is_some() {
                code(e)
            } else {
                text
            }
        })?;
        let (send, heard) = unbounded_channel();
        let over = tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notification(note) = message {
                    let _ = send.send(note.payload().to_string());
                }
            }
        });
        Ok(TokioConn {
            client,
            cache: HashMap::new(),
            heard,
            over,
        })
    }

    async fn cancel<F: AsyncFn() -> Answer<()>>(
        &self,
        conn: &mut TokioConn,
        text: &str,
        ready: F,
    ) -> Answer<String> {
        let token = conn.client.cancel_token();
        let cancel = async {
            ready().await?;
            token.cancel_query(NoTls).await.map_err(code)
        };
        let (result, canceled) = future::join(conn.query(text, &[]), cancel).await;
        canceled?;
        Ok(result.err().unwrap_or_else(|| "no error".into()))
    }
}

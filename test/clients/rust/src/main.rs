//! A Rust driver runs scenarios: see ../../matrix.py.

mod scenarios;
mod sqlx_driver;
mod tokio_driver;

use std::io::BufRead;

use scenarios::{Driver, Scenarios};
use serde_json::Value;

/// Runs one scenario and says how it went; true when well.
async fn answer<D: Driver>(driver: &D, name: &str, scenario: &str) -> bool {
    let scenarios = Scenarios {
        driver,
        name: name.replace('-', "_"),
    };
    match scenarios.run(scenario).await {
        Ok(seen) => println!("ok {scenario} {seen}"),
        Err(text) => {
            let words: Vec<&str> = text.split_whitespace().collect();
            println!("failed {scenario} {}", words.join(" "));
            return false;
        }
    }
    true
}

async fn all<D: Driver>(driver: D, args: &[String]) -> bool {
    let mut good = true;
    if args.len() > 2 {
        for scenario in &args[2..] {
            good &= answer(&driver, &args[1], scenario).await;
        }
        return good;
    }
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        good &= answer(&driver, &args[1], line.trim()).await;
    }
    good
}

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let good = match args.get(1).map(String::as_str) {
        Some("tokio-postgres") => all(tokio_driver::Tokio, &args).await,
        Some("sqlx") => all(sqlx_driver::Sqlx, &args).await,
        other => panic!("no driver {other:?}"),
    };
    std::process::exit(i32::from(!good));
}

/// A package's version in the lock file.
pub fn version(package: &str) -> Value {
    let wanted = format!("name = \"{package}\"");
    let mut lines = include_str!("../Cargo.lock").lines();
    lines.by_ref().find(|line| *line == wanted);
    let number = lines.next().and_then(|line| line.split('"').nth(1));
    Value::String(format!("{package} {}", number.unwrap_or("?")))
}

//! The API and the home page, beside the original's API in Node and beside nginx proxying a constant body of the same
//! size. All are behind the same nginx configuration, and use the same Postgres and Redis.

pub(crate) use self::sides::LIMITS;

mod sides;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Result, ensure};

use self::sides::{Constant, Sides};
use crate::{
    load::{self, NextRequest},
    report::{self, Case, Report},
    statistics::{interleave_async, median, median_ratio},
};

/// Number of entries.
const ENTRIES: u32 = 1_000;
const CONNECTIONS: usize = 64;
const ROUNDS: usize = 9;
const SHORT_ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_millis(1_500);
const SHORT_ROUND: Duration = Duration::from_millis(500);
/// At least 80% of the rate at which nginx proxies a constant body of the same size.
const OF_CONSTANT: f64 = 1.0 / 0.8;
/// At least five times the rate of the original's API behind the same nginx.
const OF_NODE: f64 = 1.0 / 5.0;
/// At least eight times its rate without nginx.
const OF_NODE_DIRECT: f64 = 1.0 / 8.0;

/// A contender: its address, and what to send.
#[derive(Clone)]
struct Contender {
    address: SocketAddr,
    next: NextRequest,
    status: u16,
}

pub(crate) fn run(short: bool) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(measure_all(short))
}

async fn measure_all(short: bool) -> Result<()> {
    let sides = Sides::start(ENTRIES).await?;
    let mut report = Report {
        name: "api".to_owned(),
        environment: vec![report::machine(), sides.versions()?],
        cases: Vec::new(),
    };
    println!("{}; {CONNECTIONS} connections, {ENTRIES} entries", report.environment.join("; "));
    Report::print_header("µs per request");
    let nginx = sides.nginx.address();
    let reads = [
        ("/api/values/current", "/api/values/current"),
        ("/api/values/all", "/api/values/all"),
        ("/api/values?limit=100", ""),
        ("/api/values/500", ""),
        ("/", ""),
    ];
    for (path, original) in reads {
        // The first responses fill the memory.
        for _ in 0..3 {
            load::fetch(nginx, &load::get(path, "")).await?;
        }
        let response = load::fetch(nginx, &load::get(path, "")).await?;
        ensure!(response.status == 200, "{path}: {}", response.head);
        let constant = Constant::start(&response.body).await?;
        let ours = reading(nginx, path, "", 200);
        add(
            &mut report,
            short,
            format!("{path}, of nginx"),
            OF_CONSTANT,
            [ours.clone(), reading(constant.nginx.address(), path, "", 200)],
        )
        .await?;
        if !original.is_empty() {
            let node = reading(sides.node_nginx.address(), original, "", 200);
            add(&mut report, short, format!("{path}, of Node"), OF_NODE, [ours, node]).await?;
            let direct = path.trim_start_matches("/api");
            let both = [sides.api, sides.node].map(|address| reading(address, direct, "", 200));
            add(&mut report, short, format!("{direct} direct, of Node"), OF_NODE_DIRECT, both).await?;
        }
        let etag = response.head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap_or_default();
        ensure!(!etag.is_empty(), "{path} has no entity tag: {}", response.head);
        let known = format!("If-None-Match: {etag}\r\n");
        add(
            &mut report,
            short,
            format!("{path}, 304, of nginx"),
            OF_CONSTANT,
            [
                reading(nginx, path, &known, 304),
                reading(constant.nginx.address(), path, &constant.condition, 304),
            ],
        )
        .await?;
    }
    if short { report.compare() } else { report.write() }
}

fn reading(address: SocketAddr, path: &str, headers: &str, status: u16) -> Contender {
    let request = load::get(path, headers);
    Contender { address, next: Arc::new(move |_| request.clone()), status }
}

/// Measures our contender beside the baseline, interleaved.
async fn add(
    report: &mut Report,
    short: bool,
    name: String,
    goal: f64,
    mut contenders: [Contender; 2],
) -> Result<()> {
    let (rounds, duration) = if short { (SHORT_ROUNDS, SHORT_ROUND) } else { (ROUNDS, ROUND) };
    let measured = interleave_async(&mut contenders, rounds, async |contender: &mut Contender| {
        let Contender { address, next, status } = contender.clone();
        Ok::<_, anyhow::Error>(
            1e6 / load::run(address, CONNECTIONS, duration, status, next).await?.per_second,
        )
    })
    .await?;
    let case = Case {
        name,
        x: report.cases.len() as f64,
        unit: "µs".to_owned(),
        ours: median(measured[0].iter().copied()),
        baseline: median(measured[1].iter().copied()),
        ratio: median_ratio(&measured[0], &measured[1]),
        goal,
    };
    case.print();
    report.cases.push(case);
    Ok(())
}

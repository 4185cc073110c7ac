//! Event streams: the memory that they take, how long one event takes to reach all of them, and the time from a
//! submission to its value.

mod page;
pub(crate) mod plain;
mod watchers;

use std::{fs, net::SocketAddr, path::Path, time::Instant};

use anyhow::{Context, Result};
use throwaway::{Folder, Nginx, Postgres, Process, Redis, nginx::Options};

use self::{
    plain::Plain,
    watchers::{Watchers, raise_file_limit},
};
use crate::{
    api,
    load::{self, Response},
    programs::{self, Server},
    report::{self, Case, Report},
    statistics::median,
};

const STREAMS: usize = 10_000;
const SHORT_STREAMS: usize = 1_000;
/// The streams are opened again in each round.
const ROUNDS: u32 = 3;
const SHORT_ROUNDS: u32 = 2;
const EVENTS_PER_ROUND: u32 = 20;
/// Memory for all streams of a server together, in MiB.
const MEMORY_MIB: f64 = 100.0;
/// Memory for one stream, in KiB.
const STREAM_KIB: f64 = 8.0;
/// Time of a fan-out, as a multiple of that of plain writes.
const OF_PLAIN: f64 = 4.0;
/// Time for one event to reach 99% of the streams, in ms.
const FAN_OUT_MS: f64 = 250.0;
const SUBMISSIONS: u32 = 10_000;
const SHORT_SUBMISSIONS: u32 = 500;
const PAGE_SUBMISSIONS: u32 = 1_000;
const SHORT_PAGE_SUBMISSIONS: u32 = 100;
/// Time of the longest task on the page's main thread, in ms.
const TASK_MS: f64 = 50.0;
/// Time from a submission to its value, in ms: the median and the 95th percentile.
const VISIBLE_MS: [f64; 2] = [15.0, 40.0];
const NO_LIMITS: &[(&str, &str)] = &[("MAX_STREAMS", "10000"), ("MAX_CONNECTIONS_PER_CLIENT", "11000")];

pub(crate) fn run(short: bool) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(measure_all(short))
}

/// Our server behind nginx.
struct System {
    nginx: Nginx,
    server: Server,
    redis: Redis,
    _postgres: Postgres,
    _folder: Folder,
}

impl System {
    async fn start(settings: &[(&str, &str)]) -> Result<Self> {
        let (postgres, redis, folder) = (Postgres::start()?, Redis::start()?, Folder::new("bench")?);
        let database = postgres.create_database()?;
        let settings = [NO_LIMITS, settings].concat();
        let server = Server::start(&postgres, &database, &redis, folder.path(), &settings).await?;
        let nginx = Nginx::start(Options { limits: api::LIMITS, ..Options::new(server.site, server.api) })?;
        Ok(Self { nginx, server, redis, _postgres: postgres, _folder: folder })
    }
}

async fn measure_all(short: bool) -> Result<()> {
    raise_file_limit()?;
    let mut report =
        Report { name: "live".to_owned(), environment: vec![report::machine()], cases: Vec::new() };
    println!("{}", report.environment.join("; "));
    Report::print_header("ms, MiB");
    let streams = if short { SHORT_STREAMS } else { STREAMS };
    let rounds = if short { SHORT_ROUNDS } else { ROUNDS };
    for through_nginx in [false, true] {
        let system = System::start(&[]).await?;
        let (address, path, name) = if through_nginx {
            (system.nginx.address(), "/api/values", format!("{streams} streams through nginx"))
        } else {
            (system.server.api, "/values", format!("{streams} streams"))
        };
        fan_out(&mut report, &system, address, path, &name, streams, rounds).await?;
    }
    let submissions = if short { SHORT_SUBMISSIONS } else { SUBMISSIONS };
    until_event(&mut report, submissions).await?;
    let (times, longest_task) =
        page::measure(if short { SHORT_PAGE_SUBMISSIONS } else { PAGE_SUBMISSIONS }).await?;
    add_times(&mut report, "submission to page", times);
    add(&mut report, "longest task of the page, 500 submissions, ms".to_owned(), "ms", longest_task, TASK_MS);
    if short { report.compare() } else { report.write() }
}

/// Measures memory, and the time from a submission to its arrival at every stream, beside plain writes.
async fn fan_out(
    report: &mut Report,
    system: &System,
    address: SocketAddr,
    path: &str,
    name: &str,
    streams: usize,
    rounds: u32,
) -> Result<()> {
    let events = format!("{path}/events");
    submit(address, path, 0).await?;
    let (idle, nginx_idle) = (memory_mib(&system.server.process)?, memory_mib(system.nginx.process())?);
    let (mut all, mut ours, mut baseline, mut ratios) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut loaded, mut nginx) = (0.0_f64, 0.0_f64);
    for round in 0..rounds {
        let mut watchers = Watchers::open(address, &events, streams)?;
        let mut times = Vec::new();
        for index in 1..=EVENTS_PER_ROUND {
            let index = round * EVENTS_PER_ROUND + index;
            let start = Instant::now();
            submit(address, path, index).await?;
            times.extend(watchers.wait_for(format!("data: {{\"index\":{index},").as_bytes(), start)?);
        }
        loaded = loaded.max(memory_mib(&system.server.process)?);
        nginx = nginx.max(memory_mib(system.nginx.process())?);
        drop(watchers);
        let mut plain = Plain::start(streams)?;
        let mut watchers = Watchers::open(plain.address, "/", streams)?;
        let mut plain_times = Vec::new();
        for index in 1..=EVENTS_PER_ROUND {
            let start = Instant::now();
            // As long as an event.
            plain.send(&format!("data: {index};{}", " ".repeat(300)))?;
            plain_times.extend(watchers.wait_for(format!("data: {index};").as_bytes(), start)?);
        }
        times.sort_by(f64::total_cmp);
        plain_times.sort_by(f64::total_cmp);
        let (p99, plain_p99) = (percentile(&times, 0.99), percentile(&plain_times, 0.99));
        ours.push(p99);
        baseline.push(plain_p99);
        ratios.push(p99 / plain_p99);
        all.extend(times);
    }
    all.sort_by(f64::total_cmp);
    let each = |total: f64| total * 1_024.0 / streams as f64;
    add(report, format!("{name}, server, MiB"), "MiB", loaded, MEMORY_MIB);
    add(report, format!("{name}, each, KiB"), "KiB", each(loaded - idle), STREAM_KIB);
    if address == system.nginx.address() {
        add(report, format!("{name}, nginx, MiB"), "MiB", nginx, MEMORY_MIB);
        add(report, format!("{name}, each in nginx, KiB"), "KiB", each(nginx - nginx_idle), STREAM_KIB);
    }
    add(report, format!("{name}, fan-out p99, ms"), "ms", percentile(&all, 0.99), FAN_OUT_MS);
    let case = Case {
        name: format!("{name}, fan-out p99, of plain writes"),
        x: report.cases.len() as f64,
        unit: "ms".to_owned(),
        ours: median(ours),
        baseline: median(baseline),
        ratio: median(ratios),
        goal: OF_PLAIN,
    };
    case.print();
    report.cases.push(case);
    Ok(())
}

/// Measures the time from a submission through nginx to the event with its value, one after another.
async fn until_event(report: &mut Report, submissions: u32) -> Result<()> {
    let system = System::start(&[]).await?;
    let _worker = programs::worker(&system.redis)?;
    let address = system.nginx.address();
    let mut watcher = Watchers::open(address, "/api/values/events", 1)?;
    let mut times = Vec::new();
    for index in 1..=submissions {
        let start = Instant::now();
        submit(address, "/api/values", index).await?;
        times.extend(watcher.wait_for(b"event: done\n", start)?);
    }
    add_times(report, "submission to event", times);
    Ok(())
}

fn add_times(report: &mut Report, name: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    for (share, goal) in [0.5, 0.95].into_iter().zip(VISIBLE_MS) {
        add(report, format!("{name}, p{:.0}, ms", share * 100.0), "ms", percentile(&times, share), goal);
    }
}

/// Adds a case whose baseline is its goal.
fn add(report: &mut Report, name: String, unit: &str, ours: f64, goal: f64) {
    let x = report.cases.len() as f64;
    let case = Case { name, x, unit: unit.to_owned(), ours, baseline: goal, ratio: ours / goal, goal: 1.0 };
    case.print();
    report.cases.push(case);
}

async fn submit(address: SocketAddr, path: &str, index: u32) -> Result<()> {
    let Response { status, head, .. } = load::fetch(address, &load::post(path, u64::from(index))).await?;
    anyhow::ensure!(status == 200, "{head}");
    Ok(())
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

/// Returns the resident memory of a process and of those that it started. What they share counts once.
fn memory_mib(process: &Process) -> Result<f64> {
    let mut kib = 0.0;
    let mut processes = vec![process.id()];
    while let Some(id) = processes.pop() {
        let folder = Path::new("/proc").join(id.to_string());
        let children = fs::read_to_string(folder.join("task").join(id.to_string()).join("children"))?;
        processes.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        let rollup = fs::read_to_string(folder.join("smaps_rollup"))?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).context("no Pss")?;
        kib += line.trim_end_matches("kB").trim().parse::<f64>()?;
    }
    Ok(kib / 1_024.0)
}

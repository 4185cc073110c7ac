//! `cargo xtask bench`: every claim about speed is measured here, beside its baseline.
//!
//! One file per benchmark. Each prepares what it compares against, runs all contenders in turn, round by round, so
//! that other load on the machine affects them alike, prints medians and ratios, and writes a [`report::Report`] and
//! plots to `docs/bench/`. A duration says more about the machine than about the code, so only ratios are judged.

mod api;
mod fib;
mod live;
mod load;
mod plot;
mod programs;
mod report;
mod statistics;

use clap::{Parser, Subcommand};

/// Measures the system beside its baselines
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct Arguments {
    #[command(subcommand)]
    benchmark: Benchmark,
    /// Measure less, write nothing, and fail if a ratio is clearly worse than the one in docs/bench/
    #[arg(long, global = true)]
    short: bool,
}

#[derive(Debug, Subcommand)]
enum Benchmark {
    /// F(n) as text, from 0 to 100,000,000, beside GMP
    Fib,
    /// Reads and submissions, beside the original's API in Node and beside nginx
    Api,
    /// Event streams: memory, fan-out, and the time from a submission to its value
    Live,
    /// One timed computation, in the process of its own that `fib` gives it
    #[command(hide = true)]
    FibCall(fib::Call),
    /// The plain fan-out beside which `live` measures
    #[command(hide = true)]
    FanOut { clients: usize },
    /// All benchmarks
    All,
}

fn main() -> anyhow::Result<()> {
    let Arguments { benchmark, short } = Arguments::parse();
    match benchmark {
        Benchmark::Fib => fib::run(short),
        Benchmark::Api => api::run(short),
        Benchmark::Live => live::run(short),
        Benchmark::All => fib::run(short).and_then(|()| api::run(short)).and_then(|()| live::run(short)),
        Benchmark::FanOut { clients } => live::plain::serve(clients),
        Benchmark::FibCall(call) => {
            call.run();
            Ok(())
        }
    }
}

//! F(n) as decimal text, beside GMP's `mpz_fib_ui` and `mpz_get_str`.
//!
//! From n = 100,000 on, each measurement is a single call in a process of its own, as in the system: nothing is
//! cached or warm. Below, where starting a process takes longer than the call, each is a loop in a new process. The
//! texts of all contenders must have the same hash.

use std::{
    env, hint::black_box, num::NonZero, ops::ControlFlow, path::PathBuf, process::Command, thread,
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use job::JOB;

use crate::{
    plot::{self, Line},
    report::{self, Case, Report},
    statistics::{interleave, median, median_ratio},
};

/// From this index on, every call has its own process.
const SINGLE_CALLS: u32 = 100_000;
/// Duration of a loop, in nanoseconds, as far as the baseline is concerned.
const LOOP_NS: f64 = 4e6;
const ROUNDS: usize = 20;
const SHORT_ROUNDS: usize = 7;
/// The short form leaves out what takes seconds.
const SHORT_MAX: u32 = 10_000_000;

/// The indexes of the table in the documentation; the sweep adds those in between.
const MARKS: [(u32, f64); 5] =
    [(0, 1.05), (1_000, 1.05), (1_000_000, 0.15), (10_000_000, 0.09), (100_000_000, 0.06)];
/// The highest acceptable ratio elsewhere.
const GOAL: f64 = 1.05;

pub(crate) fn run(short: bool) -> Result<()> {
    let gmp = build_gmp()?;
    let ours = env::current_exe().context("cannot find this program")?;
    let version = output(Command::new(&gmp).arg("version"))?;
    let mut report = Report {
        name: "fib".to_owned(),
        environment: vec![report::machine(), format!("GMP {}", version.trim())],
        cases: Vec::new(),
    };
    println!("{}", report.environment.join("; "));
    Report::print_header("ms");
    for n in indexes(short) {
        let contenders = [
            Contender { program: &ours, arguments: &["fib-call"] },
            Contender { program: &gmp, arguments: &[] },
        ];
        let case = measure(n, contenders, if short { SHORT_ROUNDS } else { ROUNDS })?;
        case.print();
        report.cases.push(case);
    }
    if short { report.compare() } else { publish(&report) }
}

/// Indexes spread evenly over the logarithmic scale, and the marks.
fn indexes(short: bool) -> Vec<u32> {
    let per_decade = if short { 2 } else { 12 };
    let spread =
        (0..=8 * per_decade).map(|step| 10f64.powf(f64::from(step) / f64::from(per_decade)).round() as u32);
    let mut indexes: Vec<_> = spread.chain(MARKS.map(|(n, _)| n)).collect();
    indexes.retain(|&n| !short || n <= SHORT_MAX);
    indexes.sort_unstable();
    indexes.dedup();
    indexes
}

/// A program that takes an index and a number of calls.
#[derive(Clone, Copy)]
struct Contender<'a> {
    program: &'a PathBuf,
    arguments: &'a [&'a str],
}

impl Contender<'_> {
    /// Returns the nanoseconds per call and the hash of the text.
    fn call(&self, n: u32, loops: u64) -> Result<(f64, String)> {
        let mut command = Command::new(self.program);
        let line = output(command.args(self.arguments).args([n.to_string(), loops.to_string()]))?;
        let (ns, hash) = line.trim().split_once(' ').context("a contender printed no time")?;
        Ok((ns.parse()?, hash.to_owned()))
    }
}

fn measure(n: u32, mut contenders: [Contender<'_>; 2], rounds: usize) -> Result<Case> {
    let mut loops = 1;
    let (_, expected) = contenders[1].call(n, loops)?;
    if n < SINGLE_CALLS {
        let (ns, _) = contenders[1].call(n, 1_000)?;
        loops = (LOOP_NS / ns).ceil() as u64;
    }
    let measured = interleave(&mut contenders, rounds, |contender| {
        let (ns, hash) = contender.call(n, loops)?;
        ensure!(hash == expected, "F({n}) differs between the contenders");
        Ok(ns / 1e6)
    })?;
    Ok(Case {
        name: format!("n = {n}"),
        x: f64::from(n),
        unit: "ms".to_owned(),
        ours: median(measured[0].iter().copied()),
        baseline: median(measured[1].iter().copied()),
        ratio: median_ratio(&measured[0], &measured[1]),
        goal: MARKS.iter().find(|mark| mark.0 == n).map_or(GOAL, |mark| mark.1),
    })
}

fn publish(report: &Report) -> Result<()> {
    report.write()?;
    let line = |name, y: fn(&Case) -> f64| Line {
        name,
        points: report.cases.iter().filter(|case| case.x > 0.0).map(|case| (case.x, y(case))).collect(),
    };
    plot::log_log(
        "fib-time",
        "F(n) as text",
        ("n", "ms"),
        &[line("fib", |c| c.ours), line("GMP", |c| c.baseline)],
    )?;
    let lines = [line("fib ÷ GMP", |c| c.ratio), line("GMP", |_| 1.0)];
    plot::log_log("fib-ratio", "Time relative to GMP", ("n", "ratio"), &lines)
}

/// Compiles the baseline.
fn build_gmp() -> Result<PathBuf> {
    let program = env::current_exe()?.with_file_name("bench-gmp");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/fib/gmp.c");
    let compiled = Command::new("cc").args(["-O2", "-o"]).arg(&program).args([source, "-lgmp"]).status();
    match compiled {
        Ok(status) if status.success() => Ok(program),
        _ => bail!(
            "cannot compile the baseline: install a C compiler and GMP (Debian and Ubuntu: `apt-get install gcc \
             libgmp-dev`; macOS: `brew install gmp`)"
        ),
    }
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("failed to run {command:?}"))?;
    ensure!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// Our side of one measurement.
#[derive(Debug, clap::Args)]
pub(crate) struct Call {
    n: u32,
    loops: u32,
    /// [default: all cores]
    threads: Option<NonZero<usize>>,
}

impl Call {
    /// Prints the nanoseconds per call, and the FNV-1a hash of the text.
    pub(crate) fn run(&self) {
        let threads = self.threads.or(thread::available_parallelism().ok()).unwrap_or(NonZero::<usize>::MIN);
        let mut text = String::new();
        let start = Instant::now();
        for _ in 0..self.loops {
            text = (JOB.compute)(black_box(self.n), threads, &mut |_| ControlFlow::Continue(()))
                .expect("every index has a value, and nothing stops the computation");
        }
        let ns = start.elapsed().as_secs_f64() * 1e9 / f64::from(self.loops);
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        println!("{ns} {hash:016x}");
    }
}

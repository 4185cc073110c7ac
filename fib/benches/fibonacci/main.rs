//! Benchmarks of `compute` and `verify` against simpler ways to the same answer:
//! `cargo bench -p fib`.
//!
//! A duration says more about the machine than about the code, so each comparison runs its contenders
//! in turn, round by round, and prints the ratios.

mod baselines;

use std::{
    hint::black_box,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use baselines::{by_addition, by_plain_doubling};

/// Time limit for all rounds of one comparison.
const BUDGET: Duration = Duration::from_secs(3);
const MIN_ROUNDS: usize = 5;
const MAX_ROUNDS: usize = 2_000;

/// Above this index, addition takes seconds.
const MAX_BY_ADDITION: u32 = 100_000;

/// A name and one run. The others are measured relative to the first contender of a comparison.
type Contender<'a> = (&'a str, Box<dyn Fn() + 'a>);

fn main() {
    // `cargo bench` passes `--bench`. `cargo test` does not: it runs everything once, as a test.
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let indexes: &[u32] = if measuring { &[10_000, 100_000, 1_000_000] } else { &[0, 1, 2, 187, 10_000] };

    for &n in indexes {
        let digits = &*compute(n);
        let run = |function: fn(u32) -> String| -> Box<dyn Fn() + '_> {
            Box::new(move || assert!(black_box(function(black_box(n))) == digits, "F({n}) differs"))
        };
        let mut contenders = vec![("fib::compute", run(compute)), ("plain doubling", run(by_plain_doubling))];
        if n <= MAX_BY_ADDITION {
            contenders.push(("addition", run(by_addition)));
        }
        compare(&format!("F({n})"), &contenders, measuring);

        let verify: Contender<'_> =
            ("fib::verify", Box::new(move || assert!(fib::verify(black_box(n), black_box(digits)))));
        let contenders = [verify, ("computing it again", run(compute))];
        compare(&format!("verification of F({n}), {} digits", digits.len()), &contenders, measuring);
    }
}

fn compute(n: u32) -> String {
    fib::compute(n, &mut |_| ControlFlow::Continue(())).expect("the callback never stops it")
}

/// Prints the median durations, and the medians of the ratios within a round. Every round runs all
/// contenders once, so that other load on the machine affects them alike.
fn compare(title: &str, contenders: &[Contender<'_>], measuring: bool) {
    let mut rounds: Vec<Vec<f64>> = Vec::new();
    let start = Instant::now();
    let continues = |done: usize| {
        if !measuring {
            return done < 1;
        }
        done < MIN_ROUNDS || (done < MAX_ROUNDS && start.elapsed() < BUDGET)
    };
    while continues(rounds.len()) {
        rounds.push(contenders.iter().map(|(_, run)| seconds(run)).collect());
    }

    println!("{title}, {} rounds", rounds.len());
    for (place, (name, _)) in contenders.iter().enumerate() {
        let time = median(rounds.iter().map(|round| round[place]));
        let ratio = median(rounds.iter().map(|round| round[place] / round[0]));
        println!("  {name:<20} {:>12.3} ms {ratio:>10.2} ×", time * 1e3);
    }
    println!();
}

fn seconds(run: &dyn Fn()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_secs_f64()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

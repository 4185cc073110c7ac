//! F(n) and its verification, each beside simpler ways to the same answer.

use std::{
    hint::black_box,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use bench::{by_addition, by_plain_doubling};

/// How long the rounds of one comparison may take together.
const BUDGET: Duration = Duration::from_secs(3);
const FEWEST_ROUNDS: usize = 5;
const MOST_ROUNDS: usize = 2_000;

/// Beyond, addition takes seconds.
const LAST_BY_ADDITION: u32 = 100_000;

/// A name and one run. The first contender of a comparison is what the others are measured by.
type Contender<'a> = (&'a str, Box<dyn Fn() + 'a>);

fn main() {
    // `cargo bench` passes `--bench`. Otherwise this is `cargo test --all-targets`, which only
    // asks whether everything still runs.
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let indexes: &[u32] = if measuring { &[10_000, 100_000, 1_000_000] } else { &[10_000] };

    for &n in indexes {
        let mut contenders: Vec<Contender<'_>> = vec![
            ("fib::compute", Box::new(move || drop(black_box(compute(black_box(n)))))),
            ("plain doubling", Box::new(move || drop(black_box(by_plain_doubling(black_box(n)))))),
        ];
        if n <= LAST_BY_ADDITION {
            contenders.push(("addition", Box::new(move || drop(black_box(by_addition(black_box(n)))))));
        }
        compare(&format!("F({n})"), &contenders, measuring);
    }

    for &n in indexes {
        let digits = compute(n);
        let digits = digits.as_str();
        compare(
            &format!("is this F({n})? {} digits", digits.len()),
            &[
                ("fib::verify", Box::new(move || assert!(fib::verify(black_box(n), black_box(digits))))),
                ("computing it again", Box::new(move || assert!(compute(black_box(n)) == black_box(digits)))),
            ],
            measuring,
        );
    }
}

fn compute(n: u32) -> String {
    fib::compute(n, &mut |_| ControlFlow::Continue(())).expect("nobody stops it")
}

/// Runs all contenders once in each round, so that whatever else the machine does hits them alike,
/// and prints the median times and the median of the ratios within a round.
fn compare(title: &str, contenders: &[Contender<'_>], measuring: bool) {
    let mut rounds: Vec<Vec<f64>> = Vec::new();
    let begin = Instant::now();
    let goes_on = |done: usize| {
        if !measuring {
            return done < 1;
        }
        done < FEWEST_ROUNDS || (done < MOST_ROUNDS && begin.elapsed() < BUDGET)
    };
    while goes_on(rounds.len()) {
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

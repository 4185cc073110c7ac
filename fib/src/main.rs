//! Prints the value of an index: `cargo run -p fib -- 1000` prints F(1000).

use std::{
    env,
    io::{ErrorKind, Write, stdout},
    process::ExitCode,
};

use fib::JOB;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [argument] = &*arguments else {
        eprintln!("Usage: {} INDEX\n\n{}", env!("CARGO_PKG_NAME"), JOB.description);
        return ExitCode::from(2);
    };
    let Some(index) = argument.parse().ok().filter(|index| (JOB.lowest_index..=u32::MAX).contains(index))
    else {
        let (lowest, highest) = (JOB.lowest_index, u32::MAX);
        eprintln!("{argument:?} is not an index: it must be a whole number from {lowest} to {highest}");
        return ExitCode::from(2);
    };
    match JOB.value(index).map(|value| writeln!(stdout(), "{value}")) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        // The reader closed the pipe, as `| head -c 100` does.
        Ok(Err(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Ok(Err(error)) => failed(&error),
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("{error}");
    ExitCode::FAILURE
}

//! The server's binary.

use std::process::ExitCode;

/// musl's own is many times slower when several threads use it.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<ExitCode> {
    server::main()
}

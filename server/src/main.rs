//! The server's binary.

use std::process::ExitCode;

/// musl's own allocator is many times slower with several threads.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<ExitCode> {
    server::main()
}

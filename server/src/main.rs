//! The server's binary.

fn main() -> anyhow::Result<()> {
    server::main()
}

//! cargo-leptos, as its own `main` starts it.

use clap::Parser;

fn main() -> eyre::Result<()> {
    let mut arguments: Vec<String> = std::env::args().collect();
    // Cargo passes the name of its subcommand on.
    if arguments.get(1).is_some_and(|first| first == "leptos") {
        arguments.remove(1);
    }
    let cli = cargo_leptos::config::Cli::parse_from(arguments);
    cargo_leptos::logger::setup(cli.opts().map_or(0, |options| options.verbose), &cli.log);
    tokio::runtime::Runtime::new()?.block_on(cargo_leptos::run(cli))
}

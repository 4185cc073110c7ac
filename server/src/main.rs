//! Starts the server with the settings of the environment.

use server::{Server, config::Config};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config: Config = settings::parse();
    config.log.init();
    let server = Server::bind(&config, settings::stop::on_signal()?).await?;
    server.run().await
}

//! Starts the server with the settings of the environment.

use server::{Server, config::Config};
use settings::SettingsError;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config: Config = settings::parse();
    config.log.init();
    match Server::bind(&config, settings::stop::on_signal()?).await {
        Ok(server) => server.run().await,
        Err(error) => match error.downcast::<SettingsError>() {
            Ok(refused) => settings::or_exit(Err(refused)),
            Err(error) => Err(error),
        },
    }
}

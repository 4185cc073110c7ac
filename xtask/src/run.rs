//! `cargo xtask run`: the whole system in one process, from nothing to an address that answers.

use std::{env, process::Command, thread, time::Duration};

use anyhow::{Result, bail};

use crate::{
    child::{self, Child, Interrupted},
    ports,
    progress::{self, Step, say},
    project,
    setup::{self, Toolbox},
    site::{self, Parts, Profile},
};

/// How long the server may take to answer: its databases are on this machine's disk.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);

pub(crate) fn run(port: u16) -> Result<()> {
    let instead = format!("choose another: cargo xtask run --port {}", port.saturating_add(1));
    ports::check_free(port, &instead)?;
    let toolbox = match Toolbox::open()? {
        Some(toolbox) => toolbox,
        None => {
            setup::check_requirements()?;
            say(
                "first run: setting up what is missing and compiling the release, about ten minutes on two cores",
            );
            setup::run(site::COMPILE_RELEASE)?
        }
    };
    say("building the site");
    drop(site::build(&toolbox, Profile::Release, Parts::All)?);
    // Minutes may have passed.
    ports::check_free(port, &instead)?;
    serve(port)
}

fn serve(port: u16) -> Result<()> {
    let mut server = Child::start("server", &mut server(port))?;
    let step = Step::begin("waiting for the server's answer");
    let start = progress::elapsed();
    while !ports::answers(port, "/api/health/live") {
        if let Some(status) = server.ended()? {
            bail!("the server ended before it answered ({status}); its messages are above");
        }
        if child::is_stopping() {
            bail!(Interrupted);
        }
        if progress::elapsed() - start > ANSWERS_WITHIN {
            bail!("the server does not answer at http://127.0.0.1:{port}; its messages are above");
        }
        thread::sleep(Duration::from_millis(100));
    }
    drop(step);
    say(format!("fibstack is at http://127.0.0.1:{port} (Ctrl-C stops it)"));
    match server.wait(None) {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => bail!("the server ended ({status}); its messages are above"),
        Err(error) if error.is::<Interrupted>() => {
            server.stop();
            say("stopped");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// The server, embedded whatever the shell has set.
fn server(port: u16) -> Command {
    let mut command = Command::new(project::target().join(Profile::Release.folder()).join("server"));
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(names_other_servers) {
            command.env_remove(name);
        }
    }
    command
        .env("EMBEDDED", "true")
        .env("SITE_ADDR", format!("127.0.0.1:{port}"))
        .env("DATA_DIR", project::data())
        .current_dir(project::root());
    site::describe_to(&mut command, &project::site());
    command
}

/// The settings that make the server use somebody's Postgres and Redis.
pub(crate) fn names_other_servers(variable: &str) -> bool {
    ["PG", "REDIS_", "CONNECTION_URL", "API_ADDR"].iter().any(|prefix| variable.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shells_postgres_and_redis_are_left_alone() {
        for name in ["PGHOST", "PGPASSWORD_FILE", "REDIS_HOST", "CONNECTION_URL", "CONNECTION_URL_FILE"] {
            assert!(names_other_servers(name), "{name}");
        }
        for name in ["PATH", "MAX_INDEX", "RUST_LOG"] {
            assert!(!names_other_servers(name), "{name}");
        }
    }
}

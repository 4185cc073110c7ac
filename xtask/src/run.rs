//! `cargo xtask run`: builds the release and serves the whole system from one process.

use std::{env, path::PathBuf, process::Command, thread, time::Duration};

use anyhow::{Result, bail};

use crate::{
    child::{self, Child, Interrupted},
    job::{self, Job},
    ports,
    progress::{self, Step, say},
    project, requirements,
    site::{self, Profile},
};

/// Time limit for the server's first response.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) fn run(port: u16) -> Result<()> {
    let instead = format!("choose another: cargo xtask run --port {}", port.saturating_add(1));
    ports::check_free(port, &instead)?;
    if !program().exists() {
        requirements::check()?;
        say("first run: compiling the release, which takes about six minutes on two cores");
    }
    drop(job::both(compile_server, || site::build(Profile::Release))?);
    // Check again, because the build may have taken minutes.
    ports::check_free(port, &instead)?;
    serve(port)
}

fn compile_server() -> Result<()> {
    let mut cargo = project::cargo();
    cargo.args(["build", "--package=server", "--bin=server", "--no-default-features", "--release"]);
    Job::new("server").run(&mut cargo)?;
    say("server compiled");
    Ok(())
}

fn program() -> PathBuf {
    project::target().join(Profile::Release.folder()).join("server")
}

fn serve(port: u16) -> Result<()> {
    let mut server = Child::start("server", &mut server(port))?;
    let step = Step::begin("waiting for the server to respond");
    let start = progress::elapsed();
    while !ports::responds(port, "/api/health/live") {
        if let Some(status) = server.ended()? {
            bail!("the server exited before it responded ({status}); see its messages above");
        }
        if child::is_stopping() {
            bail!(Interrupted);
        }
        if progress::elapsed() - start > STARTUP_TIMEOUT {
            bail!("the server is not responding at http://127.0.0.1:{port}; see its messages above");
        }
        thread::sleep(Duration::from_millis(100));
    }
    drop(step);
    say(format!("fibstack is at http://127.0.0.1:{port} (Ctrl-C stops it)"));
    match server.wait(None) {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => bail!("the server exited ({status}); see its messages above"),
        Err(error) if error.is::<Interrupted>() => {
            server.stop();
            say("stopped");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Returns the command of the server in embedded mode, whatever variables the shell has set.
fn server(port: u16) -> Command {
    let mut command = Command::new(program());
    forget_other_servers(&mut command)
        .env("EMBEDDED", "true")
        .env("SITE_ADDR", format!("127.0.0.1:{port}"))
        .env("DATA_DIR", project::data())
        .current_dir(project::root());
    site::set_variables(&mut command, &project::site());
    command
}

/// Removes the shell's variables that would make a server use another Postgres or Redis.
pub(crate) fn forget_other_servers(command: &mut Command) -> &mut Command {
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(names_other_servers) {
            command.env_remove(name);
        }
    }
    command
}

fn names_other_servers(variable: &str) -> bool {
    ["PG", "REDIS_", "CONNECTION_URL", "API_ADDR"].iter().any(|prefix| variable.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgres_and_redis_settings_of_the_shell_are_ignored() {
        for name in ["PGHOST", "PGPASSWORD_FILE", "REDIS_HOST", "CONNECTION_URL", "CONNECTION_URL_FILE"] {
            assert!(names_other_servers(name), "{name}");
        }
        for name in ["PATH", "MAX_INDEX", "RUST_LOG"] {
            assert!(!names_other_servers(name), "{name}");
        }
    }
}

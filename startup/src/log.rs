//! Logging.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing_subscriber::{EnvFilter, filter::ParseError, fmt};

/// Format and level of the log, which goes to standard error.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Log")]
pub struct LogSettings {
    /// Lines for people or JSON for machines. Default: human on a terminal, json otherwise.
    #[arg(id = "LOG_FORMAT", long = "log-format", env = "LOG_FORMAT", value_enum)]
    pub format: Option<LogFormat>,
    /// Least severe level to log: error, warn, info, debug, trace or off. Can be set per module:
    /// `info,store=debug`.
    #[arg(id = "LOG_LEVEL", long = "log-level", env = "LOG_LEVEL", default_value = "info", value_parser = filter)]
    pub level: String,
    /// Overrides `LOG_LEVEL`; has the name that is usual in Rust programs.
    #[arg(id = "RUST_LOG", long = "rust-log", env = "RUST_LOG", hide = true, value_parser = filter)]
    pub rust_log: Option<String>,
}

/// Format of the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people, with colours on a terminal.
    Human,
    /// One JSON object per line, for machines.
    Json,
}

fn filter(text: &str) -> Result<String, String> {
    let parsed: Result<EnvFilter, ParseError> = EnvFilter::builder().parse(text);
    match parsed {
        // A misspelt level would be taken for a module name, and nothing would be logged.
        Ok(_) if is_filter(text) => Ok(text.to_owned()),
        _ => Err("must be error, warn, info, debug, trace or off, optionally per module: \
                  info,store=debug"
            .to_owned()),
    }
}

fn is_filter(text: &str) -> bool {
    let level = |word: &str| word.parse::<tracing_subscriber::filter::LevelFilter>().is_ok();
    text.split(',').all(|part| part.contains(['=', '[', ':']) || level(part.trim()))
}

impl LogSettings {
    /// Starts logging. Must be called once, before anything else.
    pub fn init(&self) {
        let directives = self.rust_log.as_ref().unwrap_or(&self.level);
        let terminal = io::stderr().is_terminal();
        // If standard error is closed, lines are lost; reporting that there would panic.
        let log = fmt()
            .with_env_filter(EnvFilter::new(directives))
            .with_writer(io::stderr)
            .log_internal_errors(false);
        // Fails only on a second call, which changes nothing.
        let _ = match self.format_for(terminal) {
            LogFormat::Human => log.with_ansi(terminal).try_init().is_ok(),
            LogFormat::Json => log.json().flatten_event(true).with_current_span(true).try_init().is_ok(),
        };
    }

    fn format_for(&self, terminal: bool) -> LogFormat {
        self.format.unwrap_or(if terminal { LogFormat::Human } else { LogFormat::Json })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Settings {
        #[command(flatten)]
        log: LogSettings,
    }

    fn read(arguments: &[&str]) -> Result<LogSettings, String> {
        Settings::try_parse_from([&["test"], arguments].concat())
            .map(|settings| settings.log)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn people_get_lines_and_machines_get_json() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.format_for(true), LogFormat::Human);
        assert_eq!(settings.format_for(false), LogFormat::Json);
        assert_eq!(read(&["--log-format", "human"]).unwrap().format_for(false), LogFormat::Human);
    }

    #[test]
    fn the_error_names_the_variable_the_value_and_the_allowed_values() {
        let error = read(&["--log-format", "xml"]).unwrap_err();
        for part in ["LOG_FORMAT", "xml", "human", "json"] {
            assert!(error.contains(part), "{part} is missing: {error}");
        }
        for wrong in ["inof", "info,store=loud"] {
            let error = read(&["--log-level", wrong]).unwrap_err();
            for part in ["LOG_LEVEL", wrong, "must be error, warn"] {
                assert!(error.contains(part), "{part} is missing: {error}");
            }
        }
        for right in ["info", "debug", "off", "info,store=debug"] {
            read(&["--log-level", right]).unwrap();
        }
    }
}

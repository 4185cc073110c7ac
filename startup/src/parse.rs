//! Parses all settings.

use std::ffi::OsString;

use clap::{Command, Parser};

use crate::error::exit;

/// Parses the command line and the environment. On an invalid value, prints one message and exits with
/// code 2; on `--help`, prints the settings and exits.
///
/// An empty variable counts as unset: Compose files and shells expand an unset `${NAME}` to an empty value.
#[must_use]
pub fn parse<P: Parser>() -> P {
    try_parse(std::env::args_os(), |name| std::env::var_os(name)).unwrap_or_else(|error| exit(&error))
}

fn try_parse<P: Parser>(
    arguments: impl IntoIterator<Item = OsString>,
    variable: impl Fn(&str) -> Option<OsString> + Clone,
) -> Result<P, clap::Error> {
    let mut command = without_empty(P::command(), &variable);
    let matches = command.try_get_matches_from_mut(arguments)?;
    P::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

fn without_empty(command: Command, variable: &impl Fn(&str) -> Option<OsString>) -> Command {
    let is_empty = |name: &std::ffi::OsStr| {
        name.to_str().and_then(variable).is_some_and(|value| value.to_string_lossy().trim().is_empty())
    };
    command
        .mut_args(|arg| {
            if arg.get_env().is_some_and(is_empty) {
                return arg.env(clap::builder::Resettable::Reset);
            }
            arg
        })
        .mut_subcommands(|subcommand| without_empty(subcommand, variable))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Every process has `PATH`, so no test needs to change the environment.
    #[derive(Debug, Parser)]
    struct Settings {
        #[arg(id = "PATH", long, env = "PATH")]
        path: Option<String>,
    }

    fn read(pretended: &'static str) -> Option<String> {
        try_parse::<Settings>([OsString::from("test")], move |_| Some(pretended.into())).unwrap().path
    }

    #[test]
    fn a_variable_is_read() {
        assert_eq!(read("/bin"), std::env::var("PATH").ok());
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        assert_eq!(read(""), None);
        assert_eq!(read("  "), None);
    }
}

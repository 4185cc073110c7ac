//! Building blocks of the commands' definitions.

use std::{ffi::OsString, path::PathBuf};

use clap::{
    Arg, ArgAction, ArgMatches, Command,
    builder::{PossibleValuesParser, TypedValueParser},
    value_parser,
};

/// A command with a one-line and a longer description.
pub(crate) fn described(name: &'static str, about: &'static str, more: &'static str) -> Command {
    Command::new(name).about(about).long_about(format!("{about}\n\n{more}"))
}

/// All remaining arguments, which are passed to another program.
pub(crate) fn passed_on(help: &'static str) -> Arg {
    Arg::new("arguments")
        .value_name("ARGUMENTS")
        .num_args(0..)
        .trailing_var_arg(true)
        .allow_hyphen_values(true)
        .value_parser(value_parser!(OsString))
        .help(help)
}

/// Returns the arguments that [`passed_on`] defines.
pub(crate) fn arguments(matches: &ArgMatches) -> Vec<OsString> {
    matches.get_many("arguments").into_iter().flatten().cloned().collect()
}

/// A file as a positional argument.
pub(crate) fn file(help: &'static str) -> Arg {
    Arg::new("file").value_name("FILE").required(true).value_parser(value_parser!(PathBuf)).help(help)
}

/// A flag without a value.
pub(crate) fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// Parses one of several values by its name.
pub fn one_of<T, const N: usize>(
    all: [T; N],
    name: impl Fn(T) -> &'static str + Clone + Send + Sync + 'static,
) -> impl TypedValueParser<Value = T>
where
    T: Clone + Copy + Send + Sync + 'static,
{
    PossibleValuesParser::new(all.map(&name)).map(move |value| {
        all.into_iter().find(|it| name(*it) == value).expect("only names of these are possible")
    })
}

//! `cargo xtask env generate production` with the addresses of a system on AWS.

use anyhow::Result;
use clap::{Args, Subcommand};
use xtask::{
    environment::{Stack, generate},
    progress::say,
};

use crate::{
    aws,
    cloudformation::{self, Values},
    data,
    system::SystemName,
};

/// Outputs of the data stack and their variables. Passwords are not among them: they stay in Secrets Manager.
const OUTPUTS: [(&str, &str); 6] = [
    ("DatabaseHost", "PGHOST"),
    ("DatabasePort", "PGPORT"),
    ("DatabaseName", "PGDATABASE"),
    ("DatabaseUser", "PGUSER"),
    ("BoardHost", "REDIS_HOST"),
    ("BoardPort", "REDIS_PORT"),
];

/// Write compose/.env with the addresses of a system on AWS
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a file (asks before it overwrites one)
    Generate {
        /// Stack whose file to use
        #[arg(value_parser = ["production"])]
        stack: String,
        #[command(flatten)]
        system: SystemName,
        /// Overwrite without asking
        #[arg(long)]
        force: bool,
    },
}

/// Writes the file. Without access to AWS it has only the values of the environment.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Command::Generate { system, force, .. } = &arguments.command;
    generate(Stack::Production, *force, || match outputs(&system.system) {
        Ok(outputs) if outputs.is_empty() => Values::new(),
        Ok(outputs) => {
            say(format!("using the addresses, but not the passwords, of {} on AWS", system.system));
            variables(&outputs)
        }
        Err(error) => {
            say(format!("without AWS ({})", error.to_string().lines().next().unwrap_or_default()));
            Values::new()
        }
    })
}

fn outputs(system: &str) -> Result<Values> {
    aws::account()?;
    cloudformation::Stack::new(system, data::TEMPLATE).outputs()
}

fn variables(outputs: &Values) -> Values {
    let addresses = OUTPUTS.iter().filter_map(|(output, name)| Some((*name, outputs.get(*output)?.as_str())));
    let tls =
        [("PGSSLMODE", "verify-full"), ("PGSSLROOTCERT", "/etc/ssl/certs/rds.pem"), ("REDIS_TLS", "true")];
    addresses.chain(tls).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudformation::values;

    #[test]
    fn outputs_become_variables_without_secrets() {
        let outputs = [("DatabaseHost", "db"), ("BoardHost", "board"), ("DatabaseSecret", "arn:…")];
        let expected = [
            ("PGHOST", "db"),
            ("PGSSLMODE", "verify-full"),
            ("PGSSLROOTCERT", "/etc/ssl/certs/rds.pem"),
            ("REDIS_HOST", "board"),
            ("REDIS_TLS", "true"),
        ];
        assert_eq!(variables(&values(&outputs)), values(&expected));
    }
}

//! The addresses of a system's databases, for `cargo xtask env generate production`.

use anyhow::Result;

use crate::{
    aws,
    cloudformation::{Stack, Values},
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

/// Prints the addresses as environment variables.
pub(crate) fn print(system: &SystemName) -> Result<()> {
    aws::account()?;
    let outputs = Stack::new(&system.system, data::TEMPLATE).outputs()?;
    if !outputs.is_empty() {
        variables(&outputs).iter().for_each(|(name, value)| println!("{name}={value}"));
    }
    Ok(())
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

//! What is wrong, in words, and what to do about it.

use std::{error::Error, fmt::Write, io, path::Path};

use super::{Answer, Step};
use crate::record::{PostgresConfig, RecordError, SslMode};

/// The first thing that is wrong with a database, or with the settings that name it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{what}. {remedy}")]
pub struct Fault {
    /// Where it shows.
    pub step: Step,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl Fault {
    fn new(step: Step, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { step, what: what.into(), remedy: remedy.into() }
    }
}

pub(super) fn of_name(host: &str, error: &io::Error) -> Fault {
    Fault::new(
        Step::Name,
        format!("“{host}” leads to no address ({error})"),
        "PGHOST, or the host in CONNECTION_URL, is misspelt or gone, or DNS does not work here.",
    )
}

pub(super) fn of_socket(socket: &Path, error: &io::Error) -> Fault {
    Fault::new(
        Step::Port,
        format!("nobody listens at {} ({error})", socket.display()),
        "Start Postgres; or PGHOST is another folder, or PGPORT another number.",
    )
}

pub(super) fn of_port(config: &PostgresConfig, addresses: &str, error: &io::Error) -> Fault {
    let port = config.port;
    let (what, remedy) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (
            format!("{addresses} refuses connections to port {port}: nobody listens there"),
            "Start Postgres, or correct PGPORT; it may listen on other addresses only (listen_addresses).",
        ),
        io::ErrorKind::TimedOut => (
            format!(
                "{addresses} does not answer at port {port}: a security group or firewall does not let us there"
            ),
            "On AWS, a client has to be in the security group that the data stack calls DatabaseClientGroup.",
        ),
        _ => (
            format!("{addresses} can't be reached at port {port} ({error})"),
            "There is no way from this network to that one.",
        ),
    };
    Fault::new(Step::Port, what, remedy)
}

pub(super) fn not_postgres(config: &PostgresConfig, error: Option<&io::Error>) -> Fault {
    let why = error.map(|error| format!(" ({error})")).unwrap_or_default();
    Fault::new(
        Step::Port,
        format!("what listens at port {} does not answer as Postgres does{why}", config.port),
        "PGHOST or PGPORT belongs to something else.",
    )
}

/// How safe the connection will be, or that it can't be as safe as it has to.
pub(super) fn describe_tls(config: &PostgresConfig, answer: Answer) -> Result<String, Fault> {
    let mode = config.ssl_mode;
    match (answer, mode) {
        (Answer::NotAsked, SslMode::Disable) => Ok("none, as PGSSLMODE says".to_owned()),
        (Answer::NotAsked, _) => Ok("none, on a Unix socket".to_owned()),
        (Answer::NotOffered, SslMode::Prefer) => Ok("none: the server has no TLS".to_owned()),
        (Answer::NotOffered, _) => Err(Fault::new(
            Step::Tls,
            format!("the server has no TLS, and PGSSLMODE is {mode}"),
            "Turn it on there; or, in a network that nobody listens to, PGSSLMODE=prefer.",
        )),
        (Answer::Offered, SslMode::VerifyCa | SslMode::VerifyFull) => Ok(mode.to_string()),
        (Answer::Offered, _) => Ok(format!("{mode}: encrypted, whoever the server is")),
    }
}

pub(super) fn of_connecting(config: &PostgresConfig, error: &RecordError) -> Fault {
    let RecordError::Database(error) = error else { return of_statement(Step::Database, error) };
    match error {
        sqlx::Error::Database(refusal) => of_refusal(config, refusal.as_ref()),
        sqlx::Error::Tls(_) => of_tls(config, error),
        // As sqlx hands on what the handshake found wrong, and a file that it can't read.
        sqlx::Error::Io(io) if matches!(io.kind(), io::ErrorKind::InvalidData | io::ErrorKind::NotFound) => {
            of_tls(config, error)
        }
        _ => Fault::new(
            Step::Database,
            format!("the connection broke off ({})", whole(error)),
            "Postgres' own log may say why.",
        ),
    }
}

fn of_refusal(config: &PostgresConfig, refusal: &dyn sqlx::error::DatabaseError) -> Fault {
    let PostgresConfig { user, .. } = config;
    let database = config.database.as_ref().unwrap_or(user);
    let said = refusal.message();
    match refusal.code().as_deref().unwrap_or_default() {
        "28P01" => Fault::new(
            Step::User,
            format!("“{user}” is not let in: the password is wrong, or there is no such user"),
            match &config.password {
                Some(_) => "Correct PGUSER and PGPASSWORD (or PGPASSWORD_FILE, or CONNECTION_URL).",
                None => "No password is set: PGPASSWORD, PGPASSWORD_FILE, or in CONNECTION_URL.",
            },
        ),
        // pg_hba.conf has no line for it: of who comes without TLS it says so.
        "28000" if said.contains("no encryption") || said.contains("SSL off") => Fault::new(
            Step::Tls,
            format!("the server takes nobody without TLS, and PGSSLMODE is {}", config.ssl_mode),
            "Set PGSSLMODE=verify-full, and PGSSLROOTCERT to the file of its authority.",
        ),
        "28000" => Fault::new(
            Step::User,
            format!("“{user}” is not let in: {said}"),
            "Correct PGUSER, or let it in: `create role`, pg_hba.conf.",
        ),
        "3D000" => Fault::new(
            Step::Database,
            format!("there is no database “{database}”"),
            "Make it (`cargo xtask db create`, or `create database`), or correct PGDATABASE.",
        ),
        "42501" => Fault::new(
            Step::Database,
            format!("“{user}” may not use the database “{database}”: {said}"),
            format!("grant connect on database \"{database}\" to \"{user}\";"),
        ),
        "53300" => Fault::new(
            Step::Database,
            format!("all connections are taken: {said}"),
            "Lower PG_POOL_SIZE or the number of servers, raise max_connections, or end some: \
             `cargo xtask db kill-connections`.",
        ),
        "57P03" => Fault::new(Step::Database, said, "Postgres is about to start or to stop: try again soon."),
        code => Fault::new(Step::Database, format!("{said} ({code})"), "Postgres' own log may say more."),
    }
}

fn of_tls(config: &PostgresConfig, error: &sqlx::Error) -> Fault {
    let said = whole(error);
    let file = config.ssl_root_cert.as_deref();
    // The latter of an authority that has the name of one in the file.
    let (what, remedy) = if said.contains("UnknownIssuer") || said.contains("BadSignature") {
        let remedy = match file {
            None => {
                "Set PGSSLROOTCERT to a file with that authority's certificate. For RDS, the images have it: \
                     /etc/ssl/certs/rds.pem."
                    .to_owned()
            }
            Some(file) => format!("PGSSLROOTCERT is {}: that authority is not in it.", file.display()),
        };
        ("an authority that is not trusted here signed the server's certificate".to_owned(), remedy)
    } else if said.contains("not valid for name") || said.contains("NotValidForName") {
        let what = format!("the server's certificate is for another name than “{}”", config.host);
        (what, "Set PGHOST to the name that the certificate is for; of RDS, the endpoint's.".to_owned())
    } else if let Some(file) = file.filter(|_| said.contains("Invalid certificate") || is_missing(error)) {
        let what = format!("PGSSLROOTCERT is {}, which can't be read as certificates", file.display());
        (what, "It has to be a file in PEM format.".to_owned())
    } else {
        (format!("the server's certificate is refused: {said}"), "Give the server a valid one.".to_owned())
    };
    Fault::new(Step::Tls, what, remedy)
}

fn is_missing(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(io) if io.kind() == io::ErrorKind::NotFound)
}

pub(super) fn of_permission(config: &PostgresConfig, database: &str, schema: Option<&str>) -> Fault {
    let user = &config.user;
    let Some(schema) = schema else {
        return Fault::new(
            Step::Permission,
            format!("“{user}” has no schema in “{database}” that it could make tables in"),
            format!("create schema authorization \"{user}\"; or correct its search_path."),
        );
    };
    Fault::new(
        Step::Permission,
        format!("“{user}” may not make tables in the schema {schema} of “{database}”"),
        // From version 15 on only the database's owner may do so in `public`.
        format!("As its owner: grant create, usage on schema \"{schema}\" to \"{user}\";"),
    )
}

pub(super) fn of_statement(step: Step, error: &RecordError) -> Fault {
    Fault::new(step, whole(error), "Postgres' own log may say more.")
}

/// An error with its causes.
fn whole(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            let _ = write!(text, ": {said}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_a_firewall_and_a_refusal_is_a_port() {
        let config = PostgresConfig::default();
        let said = |kind: io::ErrorKind| of_port(&config, "10.0.3.7", &kind.into()).to_string();
        assert!(said(io::ErrorKind::TimedOut).contains("a security group or firewall does not let us there"));
        assert!(said(io::ErrorKind::ConnectionRefused).contains("nobody listens there"));
        assert!(said(io::ErrorKind::NetworkUnreachable).contains("can't be reached"));
    }

    #[test]
    fn without_tls_only_who_does_not_ask_for_it_goes_on() {
        let tls = |mode, answer| {
            let config = PostgresConfig { ssl_mode: mode, ..PostgresConfig::default() };
            describe_tls(&config, answer).map_err(|fault| fault.step)
        };
        assert!(tls(SslMode::Prefer, Answer::NotOffered).is_ok());
        assert_eq!(tls(SslMode::Require, Answer::NotOffered), Err(Step::Tls));
        assert_eq!(tls(SslMode::VerifyFull, Answer::Offered).as_deref(), Ok("verify-full"));
        assert!(tls(SslMode::Require, Answer::Offered).is_ok_and(|it| it.contains("whoever the server is")));
    }
}

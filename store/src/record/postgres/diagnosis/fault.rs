//! Classifies the faults of a database.

use std::{error::Error, fmt::Write, io, path::PathBuf};

use super::{DatabaseCheck, TlsOffer};
use crate::{
    certificate::CertificateFault,
    record::{PostgresConfig, RecordError, SslMode},
};

/// The first fault found in a database or in the settings for it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum DatabaseFault {
    /// The host name has no address.
    #[error("“{host}” cannot be resolved ({error})")]
    UnknownHost { host: String, error: String },
    /// The Unix socket does not exist or nothing accepts connections on it.
    #[error("nothing is listening at {} ({error})", path.display())]
    NoSocket { path: PathBuf, error: String },
    /// The port is closed.
    #[error("{addresses} refused the connection to port {port}: nothing is listening there")]
    Refused { addresses: String, port: u16 },
    /// Packets get no response.
    #[error("no response from {addresses} on port {port}: probably blocked by a security group or firewall")]
    TimedOut { addresses: String, port: u16 },
    /// There is no route to the host, or another network error.
    #[error("{addresses} cannot be reached on port {port} ({error})")]
    Unreachable { addresses: String, port: u16, error: String },
    /// Another program is listening on the port.
    #[error("the server on port {port} is not PostgreSQL{}", in_parentheses(error))]
    NotPostgres { port: u16, error: Option<String> },
    /// The settings require TLS, which the server does not offer.
    #[error("the server does not support TLS, but sslmode is {mode}")]
    TlsUnavailable { mode: SslMode },
    /// The server requires TLS, which the settings do not allow.
    #[error("the server requires TLS, but sslmode is {mode}")]
    TlsRequired { mode: SslMode },
    /// The certificate is signed by an authority that is not in the given file or, without a file, not
    /// among the system's.
    #[error("the server's certificate is signed by an authority that is not trusted here")]
    UntrustedAuthority { root_cert: Option<PathBuf> },
    /// The certificate is valid, but for another host name.
    #[error("the server's certificate is for a name other than “{host}”")]
    WrongCertificateName { host: String },
    /// The certificate is rejected for another reason.
    #[error("{fault}")]
    BadCertificate { fault: CertificateFault, mode: SslMode, root_cert: Option<PathBuf> },
    /// The server's access rules allow this connection only without TLS.
    #[error("the server rejects connections with TLS, but sslmode is {mode}: {error}")]
    TlsRefused { mode: SslMode, error: String },
    /// The file of trusted certificates is missing or not in PEM format.
    #[error("{} cannot be read as PEM certificates", path.display())]
    UnreadableRootCert { path: PathBuf },
    /// The TLS handshake failed for another reason.
    #[error("the TLS handshake failed: {error}")]
    TlsFailed { error: String },
    /// The password is wrong, or the role does not exist.
    #[error("authentication failed for “{user}”: wrong password, or no such user")]
    AuthenticationFailed { user: String, password_set: bool },
    /// The server's access rules reject the role.
    #[error("the server rejected “{user}”: {error}")]
    UserRejected { user: String, error: String },
    /// The database does not exist.
    #[error("the database “{database}” does not exist")]
    NoDatabase { database: String },
    /// The role lacks the privilege `connect`.
    #[error("“{user}” may not connect to the database “{database}”: {error}")]
    ConnectDenied { user: String, database: String, error: String },
    /// The server has reached its connection limit.
    #[error("no free connections: {error}")]
    TooManyConnections { error: String },
    /// The server is starting or stopping.
    #[error("the server is not accepting connections: {error}")]
    NotAccepting { error: String },
    /// The database was created with an encoding that cannot store every text.
    #[error("the database “{database}” has the encoding {encoding}")]
    Encoding { database: String, encoding: String },
    /// The server is a standby, or a setting makes it read-only.
    #[error("the database is read-only: {}", if *standby { "the server is a standby" } else { "default_transaction_read_only is on" })]
    ReadOnly { standby: bool },
    /// The disk is full.
    #[error("the database's disk is full: {error}")]
    DiskFull { error: String },
    /// The server cancelled a statement: another session holds a lock, a standby does not confirm commits, or
    /// the server is overloaded.
    #[error("the database did not finish a statement in time: {error}")]
    TooSlow { error: String },
    /// The role's search path contains no schema that exists.
    #[error("“{user}” has no schema in “{database}” in which to create tables")]
    NoSchema { user: String, database: String },
    /// The role may not create tables.
    #[error("“{user}” may not create tables in the schema {schema} of “{database}”")]
    CreateDenied { user: String, database: String, schema: String },
    /// The role lacks privileges on a table.
    #[error("“{user}” may not select, insert and update in the table “{table}”")]
    TableDenied { user: String, table: String },
    /// The role lacks a privilege.
    #[error("“{user}” lacks a privilege: {error}")]
    Denied { user: String, error: String },
    /// A table is gone, although the migration that creates it was applied.
    #[error("the table “{table}” is missing, although its migration was applied")]
    TableMissing { table: String },
    /// The server requires a certificate of this client, or this client's certificate cannot be used.
    #[error("this client's certificate is missing or cannot be used ({error})")]
    ClientCertificate { error: String },
    /// A column of a table is gone, although the migration that creates it was applied.
    #[error("the tables were changed: {error}")]
    ColumnMissing { error: String },
    /// A migration was applied by an earlier release and was interrupted.
    #[error("migration {version} was interrupted")]
    MigrationInterrupted { version: i64 },
    /// An applied migration differs from the one in this program.
    #[error("migration {version} was applied to this database with a different text than this program has")]
    MigrationModified { version: i64 },
    /// A migration cannot create a table because something else has that name.
    #[error("“{name}” already exists, but a migration has to create it")]
    NameTaken { name: String },
    /// The relation `values` is not the original system's table.
    #[error("“values” is no table with a column “number”, so it is not the original system's")]
    NotTheOriginals,
    /// The role does not own the original system's table.
    #[error("“{user}” does not own the original system's table “values” and cannot adopt it")]
    OriginalDenied { user: String },
    /// Any other error.
    #[error("{error}")]
    Other { check: DatabaseCheck, error: String },
}

impl DatabaseFault {
    /// The check that failed.
    #[must_use]
    pub fn check(&self) -> DatabaseCheck {
        match self {
            Self::UnknownHost { .. } => DatabaseCheck::Name,
            Self::NoSocket { .. }
            | Self::Refused { .. }
            | Self::TimedOut { .. }
            | Self::Unreachable { .. }
            | Self::NotPostgres { .. } => DatabaseCheck::Port,
            Self::TlsUnavailable { .. }
            | Self::TlsRequired { .. }
            | Self::UntrustedAuthority { .. }
            | Self::WrongCertificateName { .. }
            | Self::BadCertificate { .. }
            | Self::TlsRefused { .. }
            | Self::ClientCertificate { .. }
            | Self::UnreadableRootCert { .. }
            | Self::TlsFailed { .. } => DatabaseCheck::Tls,
            Self::AuthenticationFailed { .. } | Self::UserRejected { .. } => DatabaseCheck::User,
            Self::NoDatabase { .. }
            | Self::ConnectDenied { .. }
            | Self::TooManyConnections { .. }
            | Self::NotAccepting { .. }
            | Self::Encoding { .. }
            | Self::ReadOnly { .. }
            | Self::DiskFull { .. }
            | Self::TooSlow { .. } => DatabaseCheck::Database,
            Self::NoSchema { .. }
            | Self::CreateDenied { .. }
            | Self::TableDenied { .. }
            | Self::TableMissing { .. }
            | Self::Denied { .. } => DatabaseCheck::Permission,
            Self::ColumnMissing { .. }
            | Self::MigrationInterrupted { .. }
            | Self::MigrationModified { .. }
            | Self::NameTaken { .. }
            | Self::NotTheOriginals
            | Self::OriginalDenied { .. } => DatabaseCheck::Schema,
            Self::Other { check, .. } => *check,
        }
    }

    /// Returns a short description that is safe to publish: it names no host, user or file.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        match self {
            Self::UnknownHost { .. } => "its host name is unknown",
            Self::NoSocket { .. } | Self::Refused { .. } => "nothing is listening",
            Self::TimedOut { .. } | Self::Unreachable { .. } => "it cannot be reached",
            Self::NotPostgres { .. } => "it is not PostgreSQL",
            Self::TooManyConnections { .. } => "it has no free connection",
            Self::NotAccepting { .. } => "it is starting or stopping",
            Self::ReadOnly { .. } => "it is read-only",
            Self::DiskFull { .. } => "its disk is full",
            Self::TooSlow { .. } => "it does not finish statements in time",
            Self::Other { .. } => "it failed",
            _ => match self.check() {
                DatabaseCheck::Tls => "the TLS connection failed",
                DatabaseCheck::Permission => "a permission or a table is missing",
                DatabaseCheck::Schema => "its schema does not match",
                _ => "the login failed",
            },
        }
    }
}

fn in_parentheses(error: &Option<String>) -> String {
    error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default()
}

pub(super) fn of_port(config: &PostgresConfig, addresses: String, error: &io::Error) -> DatabaseFault {
    let port = config.port;
    match error.kind() {
        io::ErrorKind::ConnectionRefused => DatabaseFault::Refused { addresses, port },
        io::ErrorKind::TimedOut => DatabaseFault::TimedOut { addresses, port },
        _ => DatabaseFault::Unreachable { addresses, port, error: error.to_string() },
    }
}

/// Describes how the connection will be protected, or why it cannot be protected as required.
pub(super) fn describe_tls(config: &PostgresConfig, offer: TlsOffer) -> Result<String, DatabaseFault> {
    let mode = config.ssl_mode;
    match (offer, mode) {
        (TlsOffer::NotAsked, SslMode::Disable) => Ok("none, because sslmode is disable".to_owned()),
        (TlsOffer::NotAsked, _) => Ok("none, on a Unix socket".to_owned()),
        (TlsOffer::NotOffered, SslMode::Allow | SslMode::Prefer) => {
            Ok("none: the server does not support TLS".to_owned())
        }
        (TlsOffer::NotOffered, _) => Err(DatabaseFault::TlsUnavailable { mode }),
        (TlsOffer::Offered, SslMode::VerifyCa | SslMode::VerifyFull) => Ok(mode.to_string()),
        (TlsOffer::Offered, SslMode::Require) if config.ssl_root_cert.is_some() => {
            Ok(format!("{mode}: verified as with verify-ca, because a root certificate is given"))
        }
        (TlsOffer::Offered, _) => Ok(format!("{mode}: encrypted, but the server's identity is not verified")),
    }
}

/// Explains an error, of connecting or of a statement.
pub(in crate::record::postgres) fn explain(config: &PostgresConfig, error: &RecordError) -> DatabaseFault {
    let error = match error {
        RecordError::Fault { fault } => return fault.clone(),
        RecordError::Database(error) => error,
        other => {
            return DatabaseFault::Other { check: DatabaseCheck::Database, error: with_causes(other) };
        }
    };
    let other = |error| DatabaseFault::Other { check: DatabaseCheck::Database, error };
    match error {
        sqlx::Error::Database(refusal) => of_refusal(config, refusal.as_ref()),
        sqlx::Error::Tls(_) | sqlx::Error::Configuration(_) => of_tls(config, error),
        // sqlx returns handshake errors and unreadable certificate files as these kinds.
        sqlx::Error::Io(io) if matches!(io.kind(), io::ErrorKind::InvalidData | io::ErrorKind::NotFound) => {
            of_tls(config, error)
        }
        sqlx::Error::Io(io) => match io.kind() {
            io::ErrorKind::ConnectionRefused => of_port(config, config.host.clone(), io),
            io::ErrorKind::TimedOut => DatabaseFault::TooSlow { error: io.to_string() },
            _ => other(format!("the connection was lost ({})", with_causes(error))),
        },
        sqlx::Error::PoolTimedOut => DatabaseFault::TooManyConnections {
            error: format!("all {} of this server are busy", config.max_connections),
        },
        _ => other(with_causes(error)),
    }
}

fn of_refusal(config: &PostgresConfig, refusal: &dyn sqlx::error::DatabaseError) -> DatabaseFault {
    let user = config.user.clone();
    let database = config.database.clone().unwrap_or_else(|| user.clone());
    let error = refusal.message().to_owned();
    let failed =
        DatabaseFault::AuthenticationFailed { user: user.clone(), password_set: config.password.is_some() };
    match refusal.code().as_deref().unwrap_or_default() {
        "28P01" => failed,
        // pg_hba.conf has no entry for the connection; for one without TLS the message says so.
        "28000" if error.contains("no encryption") || error.contains("SSL off") => {
            DatabaseFault::TlsRequired { mode: config.ssl_mode }
        }
        "28000" if error.contains("SSL encryption") || error.contains("SSL on") => {
            DatabaseFault::TlsRefused { mode: config.ssl_mode, error }
        }
        "28000"
            if error.contains("client certificate")
                || error.contains("certificate authentication failed") =>
        {
            DatabaseFault::ClientCertificate { error }
        }
        "28000" => DatabaseFault::UserRejected { user, error },
        "3D000" => DatabaseFault::NoDatabase { database },
        "42501" if error.contains("for database") => DatabaseFault::ConnectDenied { user, database, error },
        "42703" => DatabaseFault::ColumnMissing { error },
        "42501" => DatabaseFault::Denied { user, error },
        "25006" => DatabaseFault::ReadOnly { standby: error.contains("recovery") },
        "53100" => DatabaseFault::DiskFull { error },
        "53300" => DatabaseFault::TooManyConnections { error },
        "57014" | "55P03" => DatabaseFault::TooSlow { error },
        "57P01" | "57P02" | "57P03" => DatabaseFault::NotAccepting { error },
        // PgBouncer reports all of its errors with this code.
        "08P01" if error.contains("no such database") || error.contains("does not exist") => {
            DatabaseFault::NoDatabase { database }
        }
        "08P01" if error.contains("no such user") || error.contains("authentication failed") => failed,
        "08P01" if error.contains("max_client_conn") || error.contains("query_wait_timeout") => {
            DatabaseFault::TooManyConnections { error }
        }
        code => DatabaseFault::Other { check: DatabaseCheck::Database, error: format!("{error} ({code})") },
    }
}

fn of_tls(config: &PostgresConfig, error: &sqlx::Error) -> DatabaseFault {
    let text = with_causes(error);
    let root_cert = config.ssl_root_cert.clone();
    if text.contains("server does not support TLS") {
        return DatabaseFault::TlsUnavailable { mode: config.ssl_mode };
    }
    // Errors before the handshake are about our own files; an alert is the server's judgement of our certificate.
    let is_ours =
        matches!(error, sqlx::Error::Tls(_) | sqlx::Error::Configuration(_)) && config.ssl_cert.is_some();
    if (is_ours && !text.contains("Invalid certificate"))
        || text.contains("fatal alert: UnknownCA")
        || text.contains("fatal alert: Certificate")
    {
        return DatabaseFault::ClientCertificate { error: text };
    }
    if let Some(fault) = CertificateFault::of(&text) {
        return DatabaseFault::BadCertificate { fault, mode: config.ssl_mode, root_cert };
    }
    // `BadSignature`: another authority with the same name as one in the file.
    if text.contains("UnknownIssuer") || text.contains("BadSignature") {
        return DatabaseFault::UntrustedAuthority { root_cert };
    }
    if text.contains("not valid for name") || text.contains("NotValidForName") {
        return DatabaseFault::WrongCertificateName { host: config.host.clone() };
    }
    match root_cert.filter(|_| text.contains("Invalid certificate") || is_missing_file(error)) {
        Some(path) => DatabaseFault::UnreadableRootCert { path },
        None => DatabaseFault::TlsFailed { error: text },
    }
}

fn is_missing_file(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(io) if io.kind() == io::ErrorKind::NotFound)
}

/// An error's message with those of its causes.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            let _ = write!(text, ": {message}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_port_a_firewall_and_a_missing_route_are_distinguished() {
        let config = PostgresConfig::default();
        let message = |kind: io::ErrorKind| of_port(&config, "10.0.3.7".to_owned(), &kind.into()).to_string();
        assert!(message(io::ErrorKind::TimedOut).contains("blocked by a security group or firewall"));
        assert!(message(io::ErrorKind::ConnectionRefused).contains("nothing is listening there"));
        assert!(message(io::ErrorKind::NetworkUnreachable).contains("cannot be reached"));
    }

    #[test]
    fn a_server_without_tls_is_accepted_only_if_tls_is_optional() {
        let tls = |mode, offer| {
            let config = PostgresConfig { ssl_mode: mode, ..PostgresConfig::default() };
            describe_tls(&config, offer)
        };
        assert!(tls(SslMode::Prefer, TlsOffer::NotOffered).is_ok());
        let mode = SslMode::Require;
        assert_eq!(tls(mode, TlsOffer::NotOffered), Err(DatabaseFault::TlsUnavailable { mode }));
        assert_eq!(tls(SslMode::VerifyFull, TlsOffer::Offered).as_deref(), Ok("verify-full"));
        assert!(tls(mode, TlsOffer::Offered).is_ok_and(|text| text.contains("identity is not verified")));
    }
}

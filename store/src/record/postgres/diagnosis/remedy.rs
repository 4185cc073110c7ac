//! Advice for each database fault, in terms of the server's settings.

use super::{DatabaseFault, SslMode};
use crate::certificate::CertificateFault;

impl DatabaseFault {
    /// Returns what to do about the fault, in one or two sentences.
    #[must_use]
    pub fn remedy(&self) -> String {
        use DatabaseFault as Fault;
        match self {
        Fault::UnknownHost { .. } => "Correct the host in PGHOST or CONNECTION_URL, or check DNS.".to_owned(),
        Fault::NoSocket { .. } => "Start Postgres, or correct PGHOST or PGPORT.".to_owned(),
        Fault::Refused { .. } => {
            "Start Postgres, correct PGPORT, or check which addresses it listens on (listen_addresses)."
                .to_owned()
        }
        Fault::TimedOut { .. } => {
            "Allow connections from here in the database's security group or firewall.".to_owned()
        }
        Fault::Unreachable { .. } => "Check the route from here to that network.".to_owned(),
        Fault::NotPostgres { .. } => "Correct PGHOST or PGPORT.".to_owned(),
        Fault::TlsUnavailable { .. } => {
            "Enable TLS on the server or, on a network nobody can eavesdrop on, set PGSSLMODE=prefer."
                .to_owned()
        }
        Fault::TlsRequired { .. } => {
            "Set PGSSLMODE=verify-full, and PGSSLROOTCERT to the file of the server's authority.".to_owned()
        }
        Fault::UntrustedAuthority { root_cert: None } => {
            "Set PGSSLROOTCERT to a file with that authority's certificate; for RDS, the images contain \
             /etc/ssl/certs/rds.pem."
                .to_owned()
        }
        Fault::UntrustedAuthority { root_cert: Some(path) } => {
            format!("PGSSLROOTCERT is {}, which does not contain that authority.", path.display())
        }
        Fault::WrongCertificateName { .. } => {
            "Set PGHOST to the name in the certificate; for RDS, to its endpoint.".to_owned()
        }
        Fault::UnreadableRootCert { .. } => "Set PGSSLROOTCERT to a file in PEM format.".to_owned(),
        Fault::TlsFailed { .. } => {
            "Check the server's certificate, PGSSLCERT and PGSSLKEY; TLS 1.2 is the lowest version.".to_owned()
        }
        Fault::ClientCertificate { .. } => "Set PGSSLCERT to a certificate (version 3, with extensions) that the server's \
             authority has signed for PGUSER, and PGSSLKEY to its key, without a passphrase."
            .to_owned(),
        Fault::AuthenticationFailed { password_set: true, .. } => {
            "Correct PGUSER and PGPASSWORD (or PGPASSWORD_FILE, or CONNECTION_URL).".to_owned()
        }
        Fault::AuthenticationFailed { password_set: false, .. } => {
            "No password is set: set PGPASSWORD or PGPASSWORD_FILE, or add it to CONNECTION_URL.".to_owned()
        }
        Fault::UserRejected { .. } => {
            "Correct PGUSER, or allow the user with `create role` or in pg_hba.conf.".to_owned()
        }
        Fault::NoDatabase { .. } => "Create it (`create database`), or correct PGDATABASE.".to_owned(),
        Fault::ConnectDenied { user, database, .. } => {
            format!("Run: grant connect on database \"{database}\" to \"{user}\";")
        }
        Fault::TooManyConnections { .. } => {
            "Lower PG_POOL_SIZE or the number of servers, raise max_connections (a pooler's max_client_conn), or close \
             other connections."
                .to_owned()
        }
        Fault::NotAccepting { .. } => "Postgres is starting or stopping; try again soon.".to_owned(),
        Fault::NoSchema { user, .. } => {
            format!("Run: create schema authorization \"{user}\"; or correct the user's search_path.")
        }
        // Since version 15, only the database's owner may create tables in `public`.
        Fault::CreateDenied { user, schema, .. } => {
            format!("As the schema's owner, run: grant create, usage on schema \"{schema}\" to \"{user}\";")
        }
        Fault::Encoding { database, .. } => {
            format!("Create it anew: create database \"{database}\" encoding 'UTF8' template template0;")
        }
        Fault::ReadOnly { standby: true } => {
            "Set PGHOST or CONNECTION_URL to the primary, or promote this server.".to_owned()
        }
        Fault::ReadOnly { standby: false } => {
            "Turn default_transaction_read_only off for the server, the database and the user; RDS turns it on when \
             storage is full."
                .to_owned()
        }
        Fault::DiskFull { .. } => "Free space, or enlarge the database's volume.".to_owned(),
        Fault::TooSlow { .. } => {
            "Look for locks and synchronous standbys (pg_stat_activity), a statement_timeout of the user, or load."
                .to_owned()
        }
        Fault::TableDenied { user, table } => {
            format!("As its owner, run: grant select, insert, update on \"{table}\" to \"{user}\";")
        }
        Fault::Denied { user, .. } => {
            format!("As the owner, grant the privilege to \"{user}\", or correct PGUSER.")
        }
        Fault::TableMissing { .. } | Fault::ColumnMissing { .. } => {
            "Restore the database from a backup or, to start empty, use a new database (PGDATABASE).".to_owned()
        }
        Fault::MigrationInterrupted { .. } => "Restore the database from a backup.".to_owned(),
        Fault::MigrationModified { .. } => {
            "Use a build whose migrations are unmodified (line endings count), or the database of this build \
             (PGDATABASE)."
                .to_owned()
        }
        Fault::NameTaken { .. } | Fault::NotTheOriginals => {
            "Rename it, or use another database (PGDATABASE).".to_owned()
        }
        Fault::OriginalDenied { user } => {
            format!("As a superuser, run: alter table \"values\" owner to \"{user}\";")
        }
        Fault::BadCertificate { fault, mode, root_cert } => {
            let remedy = fault.remedy();
            match (fault, mode) {
                // Without extensions, the certificate cannot even be parsed.
                (CertificateFault::Version1, _) => {
                    format!("{remedy}; or, on a network nobody can eavesdrop on, set PGSSLMODE=disable.")
                }
                (CertificateFault::NoNames, SslMode::VerifyFull) => {
                    format!("{remedy}; or set PGSSLMODE=verify-ca, which does not compare names.")
                }
                _ => format!(
                    "{remedy}; or set PGSSLMODE=require{}: encrypted, but the server's identity is not verified.",
                    if root_cert.is_some() { " without PGSSLROOTCERT" } else { "" }
                ),
            }
        }
        Fault::TlsRefused { .. } => "Set PGSSLMODE=disable, or add a `hostssl` line to pg_hba.conf.".to_owned(),
        Fault::Other { .. } => "See Postgres's log for details.".to_owned(),
    }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_names_the_setting_to_correct() {
        let user = || "me".to_owned();
        for (fault, expected) in [
            (DatabaseFault::NotPostgres { port: 80, error: None }, "PGPORT"),
            (DatabaseFault::TlsRequired { mode: SslMode::Disable }, "PGSSLMODE=verify-full"),
            (DatabaseFault::UntrustedAuthority { root_cert: None }, "Set PGSSLROOTCERT"),
            (
                DatabaseFault::UntrustedAuthority { root_cert: Some("/ca.pem".into()) },
                "PGSSLROOTCERT is /ca.pem",
            ),
            (DatabaseFault::AuthenticationFailed { user: user(), password_set: false }, "No password is set"),
            (DatabaseFault::AuthenticationFailed { user: user(), password_set: true }, "Correct PGUSER"),
        ] {
            let remedy = fault.remedy();
            assert!(remedy.contains(expected), "{fault}: {remedy}");
        }
    }
}

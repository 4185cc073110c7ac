//! Advice for each database fault, in terms of the server's settings.

use store::DatabaseFault;

/// Returns what to do about a fault.
pub(super) fn remedy(fault: &DatabaseFault) -> String {
    use DatabaseFault as Fault;
    match fault {
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
        Fault::TlsFailed { .. } => "Check the server's certificate.".to_owned(),
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
            "Lower PG_POOL_SIZE or the number of servers, raise max_connections, or close other connections."
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
        Fault::Other { .. } => "See Postgres's log for details.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use store::SslMode;

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
            let remedy = remedy(&fault);
            assert!(remedy.contains(expected), "{fault}: {remedy}");
        }
    }
}

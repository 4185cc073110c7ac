//! Checks a database step by step, from the host name to the schema.

mod examine;
mod fault;
mod remedy;

use std::{fmt, io, net::SocketAddr, path::Path, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream, lookup_host},
    time::timeout,
};

pub(super) use examine::examine;
pub use fault::DatabaseFault;
pub(super) use fault::explain;

use super::{PostgresConfig, SslMode, connect as connection};
use crate::record::pools::within;

/// Timeout of each check. A network that drops packets gives no error.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// The message that asks a server whether it supports TLS (PostgreSQL's manual, “SSL Session Encryption”).
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// A check, in the order in which they run.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum DatabaseCheck {
    /// The host name can be resolved.
    Name,
    /// A PostgreSQL server is listening and can be reached.
    Port,
    /// The connection is as well protected as required.
    Tls,
    /// The user can log in.
    User,
    /// The database exists and can be written.
    Database,
    /// The user may use the tables, or create those that are missing.
    Permission,
    /// The schema is one that this program works with, or can be migrated.
    Schema,
}

impl fmt::Display for DatabaseCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "name",
            Self::Port => "port",
            Self::Tls => "tls",
            Self::User => "user",
            Self::Database => "database",
            Self::Permission => "permission",
            Self::Schema => "schema",
        })
    }
}

/// Runs the checks and stops at the first that fails. Calls `passed` with each check that passes and its
/// finding. Neither findings nor faults contain a password.
///
/// # Errors
/// The first fault.
pub async fn diagnose(
    config: &PostgresConfig,
    mut passed: impl FnMut(DatabaseCheck, &str) + Send,
) -> Result<(), DatabaseFault> {
    let offer = if Path::new(&config.host).is_absolute() {
        reach_socket(config, &mut passed).await?
    } else {
        reach_host(config, &mut passed).await?
    };
    let tls = fault::describe_tls(config, offer)?;
    let connected = within(CHECK_TIMEOUT, connection::open(config)).await;
    let connected = connected.map_err(|error| explain(config, &error));
    // An error shows how far the connection got.
    let reached = connected.as_ref().map_or_else(DatabaseFault::check, |_| DatabaseCheck::Database);
    if reached > DatabaseCheck::Tls {
        passed(DatabaseCheck::Tls, &tls);
    }
    if reached > DatabaseCheck::User {
        passed(DatabaseCheck::User, &config.user);
    }
    let (mut connection, _) = connected?;
    examine(config, &mut connection, &mut passed).await
}

/// The server's reply to a request for TLS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum TlsOffer {
    Offered,
    NotOffered,
    /// Not asked, because TLS will not be used.
    NotAsked,
}

async fn reach_socket(
    config: &PostgresConfig,
    passed: &mut impl FnMut(DatabaseCheck, &str),
) -> Result<TlsOffer, DatabaseFault> {
    let path = Path::new(&config.host).join(format!(".s.PGSQL.{}", config.port));
    passed(DatabaseCheck::Name, "a Unix socket");
    match UnixStream::connect(&path).await {
        Ok(_) => passed(DatabaseCheck::Port, &path.display().to_string()),
        Err(error) => return Err(DatabaseFault::NoSocket { path, error: error.to_string() }),
    }
    Ok(TlsOffer::NotAsked)
}

async fn reach_host(
    config: &PostgresConfig,
    passed: &mut impl FnMut(DatabaseCheck, &str),
) -> Result<TlsOffer, DatabaseFault> {
    let found = with_timeout(lookup_host((config.host.as_str(), config.port))).await;
    let addresses: Vec<SocketAddr> = match found {
        Ok(addresses) => addresses.collect(),
        Err(error) => {
            return Err(DatabaseFault::UnknownHost { host: config.host.clone(), error: error.to_string() });
        }
    };
    let listed = addresses.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>().join(", ");
    passed(DatabaseCheck::Name, &listed);

    let mut stream = connect(&addresses).await.map_err(|error| fault::of_port(config, listed, &error))?;
    passed(DatabaseCheck::Port, &config.port.to_string());
    if config.ssl_mode == SslMode::Disable {
        return Ok(TlsOffer::NotAsked);
    }
    match with_timeout(ask_for_tls(&mut stream)).await {
        Ok(b'S') => Ok(TlsOffer::Offered),
        Ok(b'N') => Ok(TlsOffer::NotOffered),
        other => {
            let error = other.err().map(|error| error.to_string());
            Err(DatabaseFault::NotPostgres { port: config.port, error })
        }
    }
}

async fn ask_for_tls(stream: &mut TcpStream) -> io::Result<u8> {
    stream.write_all(&SSL_REQUEST).await?;
    stream.read_u8().await
}

/// Connects to the first address that responds, as clients do.
async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match with_timeout(TcpStream::connect(address)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn with_timeout<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(CHECK_TIMEOUT, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

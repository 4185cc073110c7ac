//! Which of the things that a database needs is wrong: one after the other, as the network has them.

mod fault;

use std::{fmt, io, net::SocketAddr, path::Path, time::Duration};

use sqlx::{Connection, PgConnection};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream, lookup_host},
    time::timeout,
};

pub use fault::Fault;

use super::{PostgresConfig, SslMode};
use crate::record::{migrations, pools::within};

/// How long each step may take. A network that drops packets never says so.
const STEP_WITHIN: Duration = Duration::from_secs(5);

/// Asks a server whether it talks TLS (PostgreSQL's manual, “SSL Session Encryption”).
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// What has to be right, in the order in which it is looked at.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Step {
    /// The host's name is known.
    Name,
    /// Somebody listens, and the network lets us there.
    Port,
    /// The connection is as safe as is asked for.
    Tls,
    /// The user is let in.
    User,
    /// The database is there.
    Database,
    /// Tables may be made in it.
    Permission,
    /// The schema is one that this version works with.
    Schema,
}

impl fmt::Display for Step {
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

/// Goes through the steps, tells each that is right with what was found, and stops at the first that is
/// not. No secret is told.
///
/// # Errors
/// The first fault.
pub async fn diagnose(
    config: &PostgresConfig,
    mut right: impl FnMut(Step, &str) + Send,
) -> Result<(), Fault> {
    let answer = if Path::new(&config.host).is_absolute() {
        reach_socket(config, &mut right).await?
    } else {
        reach_host(config, &mut right).await?
    };
    let tls = fault::describe_tls(config, answer)?;
    let options = config.connect_options();
    // What is refused here tells how far it went.
    let connected = within(STEP_WITHIN, PgConnection::connect_with(&options)).await;
    let refused = connected.as_ref().err().map(|error| fault::of_connecting(config, error));
    let reached = refused.as_ref().map_or(Step::Permission, |fault| fault.step);
    if reached > Step::Tls {
        right(Step::Tls, &tls);
    }
    if reached > Step::User {
        right(Step::User, &config.user);
    }
    match (connected, refused) {
        (Ok(mut connection), _) => look_inside(config, &mut connection, &mut right).await,
        (Err(_), Some(fault)) => Err(fault),
        (Err(_), None) => unreachable!("every error of connecting is a fault"),
    }
}

/// Whether what listens talks TLS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Answer {
    Offered,
    NotOffered,
    /// It does not matter.
    NotAsked,
}

async fn reach_socket(config: &PostgresConfig, right: &mut impl FnMut(Step, &str)) -> Result<Answer, Fault> {
    let socket = Path::new(&config.host).join(format!(".s.PGSQL.{}", config.port));
    right(Step::Name, "a Unix socket");
    match UnixStream::connect(&socket).await {
        Ok(_) => right(Step::Port, &socket.display().to_string()),
        Err(error) => return Err(fault::of_socket(&socket, &error)),
    }
    Ok(Answer::NotAsked)
}

async fn reach_host(config: &PostgresConfig, right: &mut impl FnMut(Step, &str)) -> Result<Answer, Fault> {
    let found = in_time(lookup_host((config.host.as_str(), config.port))).await;
    let addresses: Vec<SocketAddr> = match found {
        Ok(addresses) => addresses.collect(),
        Err(error) => return Err(fault::of_name(&config.host, &error)),
    };
    let listed = addresses.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>().join(", ");
    right(Step::Name, &listed);

    let mut stream = connect(&addresses).await.map_err(|error| fault::of_port(config, &listed, &error))?;
    right(Step::Port, &config.port.to_string());
    if config.ssl_mode == SslMode::Disable {
        return Ok(Answer::NotAsked);
    }
    match in_time(ask_for_tls(&mut stream)).await {
        Ok(b'S') => Ok(Answer::Offered),
        Ok(b'N') => Ok(Answer::NotOffered),
        other => Err(fault::not_postgres(config, other.err().as_ref())),
    }
}

async fn ask_for_tls(stream: &mut TcpStream) -> io::Result<u8> {
    stream.write_all(&SSL_REQUEST).await?;
    stream.read_u8().await
}

/// To the first address that answers, as a client does.
async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match in_time(TcpStream::connect(address)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn in_time<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(STEP_WITHIN, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn look_inside(
    config: &PostgresConfig,
    connection: &mut PgConnection,
    right: &mut impl FnMut(Step, &str),
) -> Result<(), Fault> {
    let failed = |step| move |error| fault::of_statement(step, &error);
    let about =
        sqlx::query_as::<_, (String, String)>("select current_database(), current_setting('server_version')");
    let (database, version) =
        within(STEP_WITHIN, about.fetch_one(&mut *connection)).await.map_err(failed(Step::Database))?;
    right(Step::Database, &format!("{database}, PostgreSQL {version}"));

    let may = sqlx::query_as::<_, (Option<String>, Option<bool>)>(
        "select current_schema(), has_schema_privilege(current_schema(), 'create')",
    );
    let (schema, may) =
        within(STEP_WITHIN, may.fetch_one(&mut *connection)).await.map_err(failed(Step::Permission))?;
    match (schema, may) {
        (Some(schema), Some(true)) => right(Step::Permission, &format!("tables may be made in {schema}")),
        (schema, _) => return Err(fault::of_permission(config, &database, schema.as_deref())),
    }

    let found = within(STEP_WITHIN, migrations::version(connection)).await.map_err(failed(Step::Schema))?;
    right(Step::Schema, &migrations::describe(found));
    Ok(())
}

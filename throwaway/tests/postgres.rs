//! The throwaway PostgreSQL.

// A failed assumption is a failed test.
#![allow(clippy::unwrap_used)]

use std::{net::TcpStream, path::Path, process::Command, time::Instant};

use throwaway::{Postgres, Process, process::READY_WITHIN};

/// Variable that is set in the process to be killed.
const VICTIM: &str = "THROWAWAY_VICTIM";

#[test]
fn committed_data_survives_a_crash() {
    let mut postgres = Postgres::start().unwrap();
    let database = postgres.create_database().unwrap();
    assert_ne!(database, postgres.create_database().unwrap(), "each test gets its own");
    postgres.execute(&database, "create table kept (number integer); insert into kept values (7)").unwrap();
    let port = postgres.port();
    postgres.kill();
    assert!(postgres.execute(&database, "select 1").is_err());
    postgres.restart().unwrap();
    assert_eq!(postgres.execute(&database, "select * from kept").unwrap(), "7");
    assert_eq!(postgres.port(), port);
    postgres.stop().unwrap();
}

#[test]
fn an_error_contains_the_message_of_postgres() {
    let error = Postgres::shared().execute("postgres", "select nonsense").unwrap_err();
    assert!(error.to_string().contains("\"nonsense\" does not exist"), "{error}");
}

/// Not a real test: the process that [`a_killed_test_process_leaves_nothing_behind`] kills.
#[test]
fn start_postgres_and_wait_to_be_killed() {
    if std::env::var_os(VICTIM).is_none() {
        return;
    }
    let postgres = Postgres::start().unwrap();
    let folder = postgres.execute("postgres", "show data_directory").unwrap();
    println!("\nport {}\nfolder {folder}\nready", postgres.port());
    std::thread::park();
}

#[test]
fn a_killed_test_process_leaves_nothing_behind() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "start_postgres_and_wait_to_be_killed", "--nocapture"]).env(VICTIM, "1");
    let mut victim = Process::start("a test process", command).unwrap();
    victim.wait_for("ready", READY_WITHIN).unwrap();
    let port = victim.wait_for("port ", READY_WITHIN).unwrap()["port ".len()..].parse::<u16>().unwrap();
    let folder = victim.wait_for("folder ", READY_WITHIN).unwrap()["folder ".len()..].to_owned();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok() && Path::new(&folder).is_dir());
    victim.kill();
    let deadline = Instant::now() + READY_WITHIN;
    while TcpStream::connect(("127.0.0.1", port)).is_ok() || Path::new(&folder).exists() {
        assert!(Instant::now() < deadline, "{port} and {folder} are still there");
        std::thread::yield_now();
    }
}

//! Tests of the configuration.

use super::*;

#[test]
fn a_url_can_contain_every_setting_and_its_password_is_not_shown() {
    let config = PostgresConfig::from_url(
        "postgresql://f%40b:p%3A%2Fw@[::1]:6543/my%20db?sslmode=verify-ca&sslrootcert=/etc/ca.pem",
    )
    .unwrap();
    let expected = PostgresConfig {
        host: "::1".to_owned(),
        port: 6543,
        user: "f@b".to_owned(),
        database: Some("my db".to_owned()),
        password: Some(Password::new("p:/w")),
        ssl_mode: SslMode::VerifyCa,
        ssl_root_cert: Some("/etc/ca.pem".into()),
        ..PostgresConfig::default()
    };
    assert_eq!(config, expected);
    assert!(!format!("{config:?}").contains("p:/w"), "{config:?}");
}

#[test]
fn the_host_may_be_the_folder_of_a_socket() {
    assert_eq!(PostgresConfig::from_url("postgres://%2Frun%2Fpg/fib").unwrap().host, "/run/pg");
}

#[test]
fn parameters_may_replace_the_parts_before_them() {
    let url = "postgres:///fib?host=/run/pg&port=6543&user=f&password=p&sslmode=&connect_timeout=10";
    let config = PostgresConfig::from_url(url).unwrap();
    let expected = PostgresConfig {
        host: "/run/pg".to_owned(),
        port: 6543,
        user: "f".to_owned(),
        database: Some("fib".to_owned()),
        password: Some(Password::new("p")),
        ..PostgresConfig::default()
    };
    assert_eq!(config, expected);
}

#[test]
fn an_error_never_quotes_the_password() {
    for (url, named) in [
        ("postgres://u:hunter2@host:port/db", "not a URL"),
        ("mysql://u:hunter2@host/db", "“mysql:”"),
        ("postgres://u:hunter2@host/db?sslmode=on", "“on” must be one of disable, allow, prefer"),
        ("postgres://u:hunter2@host/db?gssencmode=require", "unknown parameter “gssencmode”"),
        ("postgres://u:hunter2@host:0/db", "from 1 to 65535"),
        ("postgres://u:hunter2@host/db?port=70000", "from 1 to 65535"),
        ("postgres:///db?host=one,two&password=hunter2", "several hosts are not supported"),
        ("postgres://u:hunter2@one:5432,two:5432/db", "several hosts are not supported"),
        ("postgres://u:hunter2@host/db?target_session_attrs=standby", "must be read-write or primary"),
        ("host=db user=u password=hunter2", "not a URL"),
    ] {
        let message = PostgresConfig::from_url(url).unwrap_err().to_string();
        assert!(message.contains(named), "{url}: {message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn every_ssl_mode_can_be_parsed() {
    for mode in SslMode::ALL {
        assert_eq!(mode.as_str().parse(), Ok(mode));
    }
}

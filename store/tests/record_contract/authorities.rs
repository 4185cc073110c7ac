//! Files of certificates to trust.

use std::path::{Path, PathBuf};

use store::{PostgresConfig, PostgresRecord, Record, SslMode};
use throwaway::Folder;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// What TLS begins with: the type of record that holds a handshake (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

/// Whether a connection that trusts this file gets as far as to begin TLS. If not, what was wrong.
async fn begins_tls(authorities: PathBuf) -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = PostgresConfig {
        host: "127.0.0.1".to_owned(),
        port: listener.local_addr().unwrap().port(),
        ssl_mode: SslMode::VerifyFull,
        ssl_root_cert: Some(authorities),
        ..PostgresConfig::default()
    };
    let record = PostgresRecord::new(&config);
    let postgres = async {
        let (mut connection, _) = listener.accept().await.unwrap();
        // It asks for TLS, in eight bytes, and may have it.
        connection.read_exact(&mut [0; 8]).await.unwrap();
        connection.write_all(b"S").await.unwrap();
        connection.read_u8().await
    };
    tokio::select! {
        biased;
        Ok(first) = postgres => {
            assert_eq!(first, HANDSHAKE);
            Ok(())
        }
        refused = record.prepare() => Err(refused.unwrap_err().to_string()),
    }
}

#[tokio::test]
async fn the_certificates_of_amazon_rds_are_accepted_and_an_invalid_file_is_refused() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../certificates/rds.pem");
    assert_eq!(begins_tls(file.clone()).await, Ok(()));

    let folder = Folder::new("authorities").unwrap();
    let damaged = folder.path().join("damaged.pem");
    std::fs::write(&damaged, std::fs::read_to_string(file).unwrap().replace("\nMII", "\nMIA")).unwrap();
    let refusal = begins_tls(damaged).await.unwrap_err();
    assert!(refusal.contains("certificate"), "{refusal}");
}

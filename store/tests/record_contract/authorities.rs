//! Files of trusted certificates.

use std::path::{Path, PathBuf};

use store::{PostgresConfig, PostgresRecord, Record, SslMode};
use throwaway::Folder;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// First byte of a TLS handshake: the record type (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

/// Connects with this file of trusted certificates. Returns the error if the TLS handshake does not start.
async fn start_tls(authorities: PathBuf) -> Result<(), String> {
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
        // The client requests TLS in eight bytes; accept it.
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
    assert_eq!(start_tls(file.clone()).await, Ok(()));

    let folder = Folder::new("authorities").unwrap();
    let damaged = folder.path().join("damaged.pem");
    std::fs::write(&damaged, std::fs::read_to_string(file).unwrap().replace("\nMII", "\nMIA")).unwrap();
    let error = start_tls(damaged).await.unwrap_err();
    assert!(error.contains("certificate"), "{error}");
}

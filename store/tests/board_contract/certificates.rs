//! Certificates of Redis that are rejected.

use store::{Board, EnqueueReason, RedisBoard, RedisConfig};
use throwaway::{Folder, Redis, certificates, redis::Options};

use crate::subject::index;

const NAMES: &str = "subjectAltName=IP:127.0.0.1,DNS:localhost";
const LEAF: &str = "basicConstraints=critical,CA:FALSE";

#[tokio::test]
async fn a_rejected_certificate_is_explained_with_the_setting() {
    for (extensions, expected) in [
        (&[NAMES, LEAF][..], None),
        (&[NAMES], Some("is its own authority")),
        (&[LEAF], Some("has no subjectAltName")),
        (&["subjectAltName=DNS:cache.example.org", LEAF], Some("Set REDIS_HOST")),
    ] {
        let redis = Redis::start_with(Options { tls: true, ..Options::default() }).unwrap();
        let folder = Folder::new("certificates").unwrap();
        certificates::self_signed(folder.path(), extensions, 2).unwrap();
        let [certificate, key] = ["server.pem", "server.key"].map(|name| folder.path().join(name));
        let [file, key] = [&certificate, &key].map(|path| path.to_str().unwrap());
        redis.execute(&["config", "set", "tls-cert-file", file, "tls-key-file", key]).unwrap();
        let config = RedisConfig {
            tls: true,
            ca_certificate: Some(certificate.clone()),
            ..RedisConfig::new(redis.host(), redis.port())
        };
        let result = RedisBoard::new(&config).unwrap().enqueue(index(7), EnqueueReason::Submission).await;
        match (result, expected) {
            (Ok(_), None) => {}
            (Err(error), Some(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (result, expected) => panic!("{extensions:?}: {result:?} instead of {expected:?}"),
        }
        let unknown = RedisConfig { ca_certificate: None, ..config };
        let result = RedisBoard::new(&unknown).unwrap().enqueue(index(7), EnqueueReason::Submission).await;
        let error = result.unwrap_err().to_string();
        assert!(error.contains("REDIS_TLS_CA_FILE"), "{error}");
    }
}

//! Folders and files that SQLite cannot use.

use std::{fs, path::Path};

use sqlx::{Connection, Executor, SqliteConnection, sqlite::SqliteConnectOptions};
use store::{FileFault, Record, RecordError, SqliteRecord};
use throwaway::Folder;

use crate::harness::index;

async fn fault_of(folder: &Path) -> FileFault {
    match SqliteRecord::new(folder).prepare().await {
        Err(RecordError::File(fault)) => fault,
        other => panic!("not refused: {other:?}"),
    }
}

/// Opens the file as another program.
async fn open(folder: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(folder.join("fibstack.sqlite"));
    SqliteConnection::connect_with(&options).await.unwrap()
}

#[tokio::test]
async fn a_folder_that_can_never_be_used_is_reported() {
    let folder = Folder::new("data").unwrap();
    let folder = folder.path();
    fs::write(folder.join("file"), "").unwrap();
    fs::create_dir_all(folder.join("taken/fibstack.sqlite")).unwrap();
    fs::create_dir(folder.join("text")).unwrap();
    std::os::unix::fs::symlink("loop", folder.join("loop")).unwrap();
    fs::write(folder.join("text/fibstack.sqlite"), "not a database\n".repeat(100)).unwrap();
    for (name, problem) in [
        ("file", "it is not a folder"),
        ("loop", "it is a symbolic link that leads nowhere"),
        ("file/below", "Not a directory"),
        (&"long".repeat(100), "File name too long"),
        ("taken", "is a directory"),
        ("text", "file is not a database"),
    ] {
        let fault = fault_of(&folder.join(name)).await;
        assert!(fault.is_permanent(), "{fault}");
        let text = fault.to_string();
        let place = folder.join(name).display().to_string();
        assert!(text.starts_with(&format!("DATA_DIR: {place}")) && text.contains(problem), "{text}");
        assert!(!fault.summary().contains('/'), "{}", fault.summary());
    }
}

#[tokio::test]
async fn a_modified_migration_is_refused_and_a_newer_one_is_accepted() {
    let folder = Folder::new("data").unwrap();
    SqliteRecord::new(folder.path()).prepare().await.unwrap();
    let mut other = open(folder.path()).await;
    other
        .execute("insert into _sqlx_migrations values (99, 'later', current_timestamp, true, x'00', 0)")
        .await
        .unwrap();
    SqliteRecord::new(folder.path()).prepare().await.unwrap();
    other.execute("update _sqlx_migrations set checksum = x'00' where version = 1").await.unwrap();
    let fault = fault_of(folder.path()).await;
    assert!(fault.is_permanent() && fault.to_string().contains("has been modified"), "{fault}");
}

#[tokio::test]
async fn nothing_is_accepted_into_a_file_that_was_replaced() {
    let folder = Folder::new("data").unwrap();
    let file = folder.path().join("fibstack.sqlite");
    let record = SqliteRecord::new(folder.path());
    record.prepare().await.unwrap();
    record.submit(index(7), 1).await.unwrap();
    let (kept, copy) = (folder.path().join("kept"), folder.path().join("copy"));
    fs::copy(&file, &copy).unwrap();
    fs::rename(&file, &kept).unwrap();
    fs::rename(&copy, &file).unwrap();
    for error in [record.submit(index(8), 1).await.unwrap_err(), record.check().await.unwrap_err()] {
        assert!(error.to_string().contains("deleted or replaced"), "{error}");
        assert_eq!(error.summary(), "its file was deleted or replaced");
    }
    fs::rename(&kept, &file).unwrap();
    record.check().await.unwrap();
    record.submit(index(8), 1).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_moved_away_while_open_is_reported() {
    let folder = Folder::new("data").unwrap();
    let data = folder.path().join("data");
    let record = SqliteRecord::new(&data);
    record.prepare().await.unwrap();
    record.submit(index(7), 1).await.unwrap();
    record.check().await.unwrap();
    fs::rename(&data, folder.path().join("elsewhere")).unwrap();
    let error = record.check().await.unwrap_err();
    assert!(matches!(error, RecordError::File(_)), "{error}");
    assert!(error.to_string().contains("DATA_DIR: "), "{error}");
    // What is written to it now may never be seen again, so it is not accepted.
    let error = record.submit(index(9), 1).await.unwrap_err();
    assert!(error.to_string().contains("deleted or replaced"), "{error}");
    fs::rename(folder.path().join("elsewhere"), &data).unwrap();
    record.check().await.unwrap();
    record.submit(index(8), 1).await.unwrap();
}

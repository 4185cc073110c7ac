//! The migrations, embedded in the binary.
//!
//! Listed by hand rather than by `sqlx::migrate!`: that macro, and sqlx' derives, compile both database
//! drivers a second time, for the compiler's use, which is minutes of a first build.

use sqlx::{
    PgConnection, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

/// A migration: the two parts of its file's name, and its statements.
pub(super) type File = (i64, &'static str, &'static str);

pub(super) const POSTGRES: &[File] = &[
    (1, "indexes", include_str!("../../migrations/postgres/0001_indexes.sql")),
    (2, "original", include_str!("../../migrations/postgres/0002_original.sql")),
];

pub(super) const SQLITE: &[File] =
    &[(1, "indexes", include_str!("../../migrations/sqlite/0001_indexes.sql"))];

/// The version of the schema that this program brings Postgres to.
pub const SCHEMA_VERSION: i64 = POSTGRES[POSTGRES.len() - 1].0;

/// The version that a database has; none before the first server.
pub(super) async fn version(connection: &mut PgConnection) -> sqlx::Result<Option<i64>> {
    let there = sqlx::query_as::<_, (bool,)>("select to_regclass('_sqlx_migrations') is not null");
    if !there.fetch_one(&mut *connection).await?.0 {
        return Ok(None);
    }
    let version =
        sqlx::query_as::<_, (Option<i64>,)>("select max(version) from _sqlx_migrations where success");
    version.fetch_one(connection).await.map(|(version,)| version)
}

/// What a version means for this program, which works with any.
pub(super) fn describe(found: Option<i64>) -> String {
    match found {
        None => "none yet; a server makes it at its start, or `server migrate`".to_owned(),
        Some(SCHEMA_VERSION) => format!("version {SCHEMA_VERSION}"),
        Some(older @ ..SCHEMA_VERSION) => {
            format!(
                "version {older}; a server of this version makes it {SCHEMA_VERSION}, or `server migrate`"
            )
        }
        Some(newer) => format!("version {newer}, by a newer server; this one knows {SCHEMA_VERSION}"),
    }
}

/// Runs those that are missing. In a rolling update an older binary may start on a newer schema:
/// migrations only add, so it can, and what it does not know it leaves alone.
pub(super) fn migrator(files: &[File]) -> Migrator {
    let migrations = files.iter().map(|&(version, description, statements)| {
        Migration::new(version, description.into(), MigrationType::Simple, statements.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.set_ignore_missing(true);
    migrator
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn any_version_has_its_meaning() {
        assert_eq!(describe(Some(SCHEMA_VERSION)), format!("version {SCHEMA_VERSION}"));
        for (found, meaning) in [(None, "none yet"), (Some(1), "makes it"), (Some(99), "a newer server")] {
            assert!(describe(found).contains(meaning), "{found:?}");
        }
    }

    #[test]
    fn every_file_of_the_folders_is_embedded() {
        for (database, embedded) in [("postgres", POSTGRES), ("sqlite", SQLITE)] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
            assert_eq!(fs::read_dir(&folder).unwrap().count(), embedded.len(), "{database}");
            for (version, description, statements) in embedded {
                let file = folder.join(format!("{version:04}_{description}.sql"));
                assert_eq!(fs::read_to_string(&file).unwrap(), *statements, "{}", file.display());
            }
            assert!(embedded.is_sorted_by_key(|(version, ..)| version), "{database}");
        }
    }
}

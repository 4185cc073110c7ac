//! The migrations, embedded in the binary.
//!
//! Listed by hand, because `sqlx::migrate!` and sqlx's derives would compile both database drivers a second
//! time for the compiler's use, which adds minutes to a first build.
//!
//! Never edit a migration that was released, not even a comment: sqlx compares checksums.

use sqlx::{
    PgConnection, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

/// A migration: version and name, as in its file name, and its statements.
pub(super) type File = (i64, &'static str, &'static str);

pub(super) const POSTGRES: &[File] = &[
    (1, "indexes", include_str!("../../migrations/postgres/0001_indexes.sql")),
    (2, "original", include_str!("../../migrations/postgres/0002_original.sql")),
];

pub(super) const SQLITE: &[File] =
    &[(1, "indexes", include_str!("../../migrations/sqlite/0001_indexes.sql"))];

/// Version of the Postgres schema that this program migrates to.
pub const SCHEMA_VERSION: i64 = POSTGRES[POSTGRES.len() - 1].0;

/// Returns the version of a database's schema; `None` if it has none yet.
pub(super) async fn version(connection: &mut PgConnection) -> sqlx::Result<Option<i64>> {
    let exists = sqlx::query_as::<_, (bool,)>("select to_regclass('_sqlx_migrations') is not null");
    if !exists.fetch_one(&mut *connection).await?.0 {
        return Ok(None);
    }
    let version =
        sqlx::query_as::<_, (Option<i64>,)>("select max(version) from _sqlx_migrations where success");
    version.fetch_one(connection).await.map(|(version,)| version)
}

/// Describes a schema version. This program works with any of them.
pub(super) fn describe(found: Option<i64>) -> String {
    match found {
        None => "none yet; created when a server starts".to_owned(),
        Some(SCHEMA_VERSION) => format!("version {SCHEMA_VERSION}"),
        Some(older @ ..SCHEMA_VERSION) => {
            format!("version {older}; migrated to {SCHEMA_VERSION} when a server of this version starts")
        }
        Some(newer) => format!("version {newer}, from a newer server; this one knows {SCHEMA_VERSION}"),
    }
}

/// Returns a migrator that runs the missing migrations and ignores unknown ones: in a rolling update, an
/// older binary may start on a newer schema, which works because migrations only add.
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
    fn every_schema_version_is_described() {
        assert_eq!(describe(Some(SCHEMA_VERSION)), format!("version {SCHEMA_VERSION}"));
        for (found, expected) in [(None, "none yet"), (Some(1), "migrated to"), (Some(99), "a newer server")]
        {
            assert!(describe(found).contains(expected), "{found:?}");
        }
    }

    #[test]
    fn every_migration_file_is_embedded() {
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

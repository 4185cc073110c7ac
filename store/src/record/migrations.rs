//! The migrations, embedded in the binary.
//!
//! Listed by hand, because `sqlx::migrate!` and sqlx's derives would compile both database drivers a second
//! time for the compiler's use, which adds minutes to a first build.
//!
//! Never edit a migration that was released, not even a comment: sqlx compares checksums.

use sqlx::{
    AssertSqlSafe, Executor, PgConnection, Row, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

use super::statement::{literal, set_local_session};

/// A migration: version and name, as in its file name, and its statements.
pub(super) type File = (i64, &'static str, &'static str);

pub(super) const POSTGRES: &[File] = &[
    (1, "indexes", include_str!("../../migrations/postgres/0001_indexes.sql")),
    (2, "original", include_str!("../../migrations/postgres/0002_original.sql")),
    (3, "write_check", include_str!("../../migrations/postgres/0003_write_check.sql")),
    (4, "changed", include_str!("../../migrations/postgres/0004_changed.sql")),
];

pub(super) const SQLITE: &[File] = &[
    (1, "indexes", include_str!("../../migrations/sqlite/0001_indexes.sql")),
    (2, "write_check", include_str!("../../migrations/sqlite/0002_write_check.sql")),
    (3, "changed", include_str!("../../migrations/sqlite/0003_changed.sql")),
];

/// Version of the Postgres schema that this program migrates to.
pub const SCHEMA_VERSION: i64 = POSTGRES[POSTGRES.len() - 1].0;

/// sqlx's table of applied migrations. Earlier releases ran sqlx's migrator on Postgres, which needs
/// session-level locks; those do not work through a connection pooler.
const CREATE_TABLE: &str = "create table if not exists _sqlx_migrations (
    version bigint primary key,
    description text not null,
    installed_on timestamptz not null default now(),
    success boolean not null,
    checksum bytea not null,
    execution_time bigint not null
)";

/// A migration that was applied to a database.
pub(super) struct Applied {
    pub(super) version: i64,
    pub(super) success: bool,
    checksum: String,
}

impl Applied {
    /// Returns true if it is the migration that this program knows, unmodified, or one that it doesn't know.
    pub(super) fn is_unmodified(&self) -> bool {
        let known = POSTGRES.iter().find(|(version, ..)| *version == self.version);
        known.is_none_or(|file| checksum(file) == self.checksum)
    }
}

/// Returns the migrations that were applied to a database; none if it is new.
pub(super) async fn applied(connection: &mut PgConnection) -> sqlx::Result<Vec<Applied>> {
    let exists = connection.fetch_one("select to_regclass('_sqlx_migrations') is not null").await?;
    if !exists.try_get::<bool, _>(0)? {
        return Ok(Vec::new());
    }
    let rows = connection
        .fetch_all("select version, success, encode(checksum, 'hex') from _sqlx_migrations order by version")
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Applied { version: row.try_get(0)?, success: row.try_get(1)?, checksum: row.try_get(2)? })
        })
        .collect()
}

/// Returns the migrations that are missing from a database.
pub(super) fn missing(applied: &[Applied]) -> impl Iterator<Item = &'static File> {
    POSTGRES.iter().filter(|(version, ..)| applied.iter().all(|it| it.version != *version))
}

/// Applies a migration, in one message and therefore one transaction, so that it works through any pooler.
/// If several servers do so at once, the first one's row makes the others wait, and then fail.
pub(super) async fn apply(connection: &mut PgConnection, file: &File) -> sqlx::Result<()> {
    let (version, description, statements) = file;
    let text = format!(
        "{}set local statement_timeout = 0; {CREATE_TABLE};
        insert into _sqlx_migrations (version, description, success, checksum, execution_time)
        values ({version}, {}, true, decode('{}', 'hex'), 0);
        {statements}",
        set_local_session(),
        literal(description),
        checksum(file)
    );
    connection.execute(AssertSqlSafe(text)).await.map(drop)
}

fn checksum(file: &File) -> String {
    use std::fmt::Write;
    let mut hex = String::new();
    for byte in migration(file).checksum.iter() {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
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

/// Returns a migrator for SQLite that runs the missing migrations and ignores unknown ones: in a rolling update, an
/// older binary may start on a newer schema, which works because migrations only add.
pub(super) fn migrator(files: &[File]) -> Migrator {
    let mut migrator = Migrator::with_migrations(files.iter().map(migration).collect());
    migrator.set_ignore_missing(true);
    migrator
}

fn migration(&(version, description, statements): &File) -> Migration {
    Migration::new(version, description.into(), MigrationType::Simple, statements.into_sql_str(), false)
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

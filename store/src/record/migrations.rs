//! The migrations, embedded in the binary.
//!
//! Listed by hand rather than by `sqlx::migrate!`: that macro, and sqlx' derives, compile both database
//! drivers a second time, for the compiler's use, which is minutes of a first build.

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

/// A migration's file name and its statements.
pub(super) type File = (&'static str, &'static str);

macro_rules! file {
    ($database:literal, $name:literal) => {
        ($name, include_str!(concat!("../../migrations/", $database, "/", $name)))
    };
}

pub(super) const POSTGRES: &[File] =
    &[file!("postgres", "0001_indexes.sql"), file!("postgres", "0002_original.sql")];

pub(super) const SQLITE: &[File] = &[file!("sqlite", "0001_indexes.sql")];

/// Runs those that are missing. In a rolling update an older binary may start on a newer schema:
/// migrations only add, so it can, and what it does not know it leaves alone.
pub(super) fn migrator(files: &[File]) -> Migrator {
    let migrations = files.iter().map(|(name, statements)| {
        let (version, description) = parts(name);
        let description = description.replace('_', " ").into();
        Migration::new(version, description, MigrationType::Simple, statements.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.set_ignore_missing(true);
    migrator
}

/// `0001_indexes.sql` → 1, `indexes`.
fn parts(name: &'static str) -> (i64, &'static str) {
    name.strip_suffix(".sql")
        .and_then(|name| name.split_once('_'))
        .and_then(|(version, description)| Some((version.parse().ok()?, description)))
        .expect("the names above are all of this form, as a test shows")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folders_is_embedded() {
        for (database, embedded) in [("postgres", POSTGRES), ("sqlite", SQLITE)] {
            let folder = format!("{}/migrations/{database}", env!("CARGO_MANIFEST_DIR"));
            let mut files: Vec<_> = std::fs::read_dir(folder)
                .unwrap()
                .map(|file| file.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            assert_eq!(embedded.iter().map(|(name, _)| *name).collect::<Vec<_>>(), files);
            let versions: Vec<_> = embedded.iter().map(|(name, _)| parts(name).0).collect();
            assert!(versions.is_sorted_by(|earlier, later| earlier < later), "{versions:?}");
        }
    }
}

//! The checks inside a database. Startup and `check-database` run the same ones.

use sqlx::{AssertSqlSafe, Executor, PgConnection, Row, postgres::PgRow};

use super::{CHECK_TIMEOUT, DatabaseCheck, DatabaseFault, explain};
use crate::record::{
    PostgresConfig,
    migrations::{self, Applied, File},
    pools::within,
    row::entry_columns,
    statement::literal,
};

/// The encoding that stores every text.
const ENCODING: &str = "UTF8";
/// The tables, with the version of the migration that creates each.
const TABLES: [(i64, &str); 3] = [(1, "indexes"), (2, "adoption"), (3, "write_check")];

const ABOUT: &str = "select current_database()::text, current_setting('server_version'),
    current_setting('server_encoding'), current_setting('transaction_read_only') = 'on', pg_is_in_recovery(),
    current_schema()::text, coalesce(has_schema_privilege(current_schema(), 'create'), false), current_user::text,
    (select nspname::text from pg_namespace where nspname !~ '^pg_' and nspname = any (
        select trim(both ' \"' from name) from unnest(string_to_array(current_setting('search_path'), ',')) name
    ) order by nspname limit 1)";

/// Query for the relation `values`, if any: whether it is a table with a column `number`, and whether this role
/// may rename it.
const ORIGINAL: &str = "select
    relkind in ('r', 'p') and exists (
        select from pg_attribute where attrelid = pg_class.oid and attname = 'number' and not attisdropped
    ), pg_has_role(relowner, 'usage'), relname::text
    from pg_class where oid = to_regclass('values')";

/// A statement that fails if a column is missing.
const COLUMNS: &str = concat!("select ", entry_columns!(), " from indexes limit 0");

/// Runs the checks and stops at the first that fails. Calls `passed` with each check that passes and its
/// finding.
pub(in crate::record::postgres) async fn examine(
    config: &PostgresConfig,
    connection: &mut PgConnection,
    passed: &mut (impl FnMut(DatabaseCheck, &str) + Send),
) -> Result<(), DatabaseFault> {
    let about = one(config, connection, ABOUT).await?;
    let text = |column: usize| about.try_get::<Option<String>, _>(column).ok().flatten();
    let flag = |column: usize| about.try_get::<bool, _>(column).unwrap_or_default();
    let database = text(0).unwrap_or_default();
    let encoding = text(2).unwrap_or_default();
    if encoding != ENCODING {
        return Err(DatabaseFault::Encoding { database, encoding });
    }
    if flag(3) {
        return Err(DatabaseFault::ReadOnly { standby: flag(4) });
    }
    passed(DatabaseCheck::Database, &format!("{database}, PostgreSQL {}", text(1).unwrap_or_default()));

    let user = text(7).unwrap_or_else(|| config.user.clone());
    let applied = within(CHECK_TIMEOUT, migrations::applied(connection)).await;
    let applied = applied.map_err(|error| explain(config, &error))?;
    let missing = migrations::missing(&applied).collect::<Vec<_>>();
    match text(5) {
        _ if missing.is_empty() => {}
        // Without the privilege `usage`, a schema on the search path is ignored.
        None => {
            return Err(match text(8) {
                Some(schema) => DatabaseFault::CreateDenied { user, database, schema },
                None => DatabaseFault::NoSchema { user, database },
            });
        }
        Some(schema) if !flag(6) => return Err(DatabaseFault::CreateDenied { user, database, schema }),
        Some(_) => {}
    }
    for table in tables(&applied) {
        let table_name = literal(table);
        let privileges = one(
            config,
            connection,
            &format!(
                "select to_regclass({table_name}) is not null, coalesce(has_table_privilege(to_regclass({table_name}), \
                 'select') and has_table_privilege(to_regclass({table_name}), 'insert') and \
                 has_table_privilege(to_regclass({table_name}), 'update'), true)"
            ),
        )
        .await?;
        let flag = |column: usize| privileges.try_get::<bool, _>(column).unwrap_or_default();
        if !flag(0) {
            return Err(DatabaseFault::TableMissing { table: table.to_owned() });
        }
        if !flag(1) {
            return Err(DatabaseFault::TableDenied { user, table: table.to_owned() });
        }
        if table == "indexes" {
            within(CHECK_TIMEOUT, connection.execute(COLUMNS))
                .await
                .map_err(|error| explain(config, &error))?;
        }
    }
    let permission = match text(5) {
        Some(schema) if flag(6) => format!("may create tables in {schema}"),
        _ => "may use the tables".to_owned(),
    };
    passed(DatabaseCheck::Permission, &permission);

    if let Some(migration) = applied.iter().find(|migration| !migration.success) {
        return Err(DatabaseFault::MigrationInterrupted { version: migration.version });
    }
    if let Some(migration) = applied.iter().find(|migration| !migration.is_unmodified()) {
        return Err(DatabaseFault::MigrationModified { version: migration.version });
    }
    examine_names(config, connection, &missing).await?;
    let newest = applied.iter().map(|migration| migration.version).max();
    passed(DatabaseCheck::Schema, &migrations::describe(newest));
    Ok(())
}

/// Checks that the names that the missing migrations need are free.
async fn examine_names(
    config: &PostgresConfig,
    connection: &mut PgConnection,
    missing: &[&File],
) -> Result<(), DatabaseFault> {
    let Some((version, fault)) = conflict(config, connection, missing).await? else { return Ok(()) };
    // Another server may have migrated in the meantime, which takes these names.
    let applied = within(CHECK_TIMEOUT, migrations::applied(connection)).await;
    let applied = applied.map_err(|error| explain(config, &error))?;
    let is_missing = migrations::missing(&applied).any(|(it, ..)| *it == version);
    if is_missing { Err(fault) } else { Ok(()) }
}

/// Returns a missing migration that cannot be applied because of something else of the same name.
async fn conflict(
    config: &PostgresConfig,
    connection: &mut PgConnection,
    missing: &[&File],
) -> Result<Option<(i64, DatabaseFault)>, DatabaseFault> {
    let is_missing = |version| missing.iter().any(|(it, ..)| *it == version);
    for (version, name) in TABLES.into_iter().chain([(2, "original_values")]) {
        // In the schema where it would be created; another one on the search path may have one, too.
        let name_there = literal(&format!(".{name}"));
        let sql = format!("select to_regclass(quote_ident(current_schema()) || {name_there}) is not null");
        if is_missing(version)
            && one(config, connection, &sql).await?.try_get::<bool, _>(0).unwrap_or_default()
        {
            return Ok(Some((version, DatabaseFault::NameTaken { name: name.to_owned() })));
        }
    }
    if !is_missing(2) {
        return Ok(None);
    }
    let original = within(CHECK_TIMEOUT, connection.fetch_optional(ORIGINAL)).await;
    let Some(original) = original.map_err(|error| explain(config, &error))? else { return Ok(None) };
    let flag = |column: usize| original.try_get::<bool, _>(column).unwrap_or_default();
    let fault = match (flag(0), flag(1)) {
        (false, _) => DatabaseFault::NotTheOriginals,
        (_, false) => DatabaseFault::OriginalDenied { user: config.user.clone() },
        _ => return Ok(None),
    };
    Ok(Some((2, fault)))
}

/// The tables that the applied migrations have created.
fn tables(applied: &[Applied]) -> impl Iterator<Item = &'static str> {
    TABLES
        .iter()
        .filter(|(version, _)| applied.iter().any(|migration| migration.version == *version))
        .map(|(_, table)| *table)
}

async fn one(
    config: &PostgresConfig,
    connection: &mut PgConnection,
    sql: &str,
) -> Result<PgRow, DatabaseFault> {
    let sql = AssertSqlSafe(sql.to_owned());
    within(CHECK_TIMEOUT, connection.fetch_one(sql)).await.map_err(|error| explain(config, &error))
}

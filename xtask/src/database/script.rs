//! SQL scripts for psql, for local and deployed databases.

/// Indexes that are computed instantly, and one that takes a moment.
const SEEDS: [u32; 7] = [7, 10, 42, 93, 300, 1_000, 100_000];

/// Statements, and the database in which to run them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Script {
    /// Database to connect to.
    pub database: String,
    /// Statements in psql's syntax.
    pub statements: String,
}

impl Script {
    /// Creates the database if it does not exist.
    #[must_use]
    pub fn create(database: &str) -> Self {
        let name = literal(database);
        let there = format!("exists (select from pg_database where datname = {name})");
        Self::beside(
            database,
            // \gexec runs the result of a query, because `create database` has no `if not exists`.
            format!(
                "select {name} || case when {there} then ' exists already' else ' created' end;\n\
                 select format('create database %I', {name}) where not {there} \\gexec\n"
            ),
        )
    }

    /// Drops the database and terminates its connections in one statement, because servers reconnect immediately.
    #[must_use]
    pub fn drop(database: &str) -> Self {
        let name = literal(database);
        Self::beside(
            database,
            format!(
                "select {name} || case when exists (select from pg_database where datname = {name}) \
                 then ' dropped' else ' does not exist' end;\n\
                 select format('drop database if exists %I with (force)', {name}) \\gexec\n"
            ),
        )
    }

    /// Drops the database and creates it again, empty.
    #[must_use]
    pub fn recreate(database: &str) -> Self {
        let dropped = Self::drop(database);
        Self { statements: dropped.statements + &Self::create(database).statements, ..dropped }
    }

    /// Terminates all connections to the database except this one.
    #[must_use]
    pub fn kill_connections(database: &str) -> Self {
        Self::beside(
            database,
            format!(
                "select count(pg_terminate_backend(pid)) || ' connections terminated' from pg_stat_activity \
                 where datname = {} and backend_type = 'client backend' and pid <> pg_backend_pid();\n",
                literal(database)
            ),
        )
    }

    /// Submits a few indexes the way the original's server does.
    #[must_use]
    pub fn seed(database: &str) -> Self {
        let rows = SEEDS.map(|index| format!("({index})")).join(", ");
        let listed = SEEDS.map(|index| index.to_string()).join(", ");
        Self {
            database: database.to_owned(),
            statements: format!("insert into values(number) values {rows};\nselect 'submitted: {listed}';\n"),
        }
    }

    /// Runs the statements in a database that every cluster has: a database cannot be created or dropped from inside.
    fn beside(database: &str, statements: String) -> Self {
        let other = if database == "postgres" { "template1" } else { "postgres" };
        Self { database: other.to_owned(), statements }
    }
}

/// Arguments with which psql runs a script from its input: prints only rows, ignores psqlrc, stops at the first error.
pub const PSQL: [&str; 7] = [
    "--no-psqlrc",
    "--quiet",
    "--no-align",
    "--tuples-only",
    "--set=ON_ERROR_STOP=1",
    "--no-password",
    "--file=-",
];

/// An SQL string literal.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_not_dropped_from_inside() {
        assert_eq!(Script::drop("fibvalues").database, "postgres");
        assert_eq!(Script::drop("postgres").database, "template1");
        assert_eq!(Script::seed("fibvalues").database, "fibvalues");
    }

    #[test]
    fn a_name_is_quoted() {
        assert!(Script::create("it's").statements.contains("'it''s'"));
    }
}

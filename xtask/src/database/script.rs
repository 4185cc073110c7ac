//! What psql is told, for a database here and for a deployed one.

/// Indexes that show something soon, and one that takes a moment.
const SEEDS: [u32; 7] = [7, 10, 42, 93, 300, 1_000, 100_000];

/// Statements, and whether they are for another database than the one that they are about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Script {
    /// The database to connect to.
    pub(super) database: String,
    pub(super) statements: String,
}

impl Script {
    /// Makes the database unless it is there.
    pub(super) fn create(database: &str) -> Self {
        let name = literal(database);
        let there = format!("exists (select from pg_database where datname = {name})");
        Self::beside(
            database,
            // \gexec runs what a query answers: `create database` itself knows no `if not exists`.
            format!(
                "select {name} || case when {there} then ' is there already' else ' is made' end;\n\
                 select format('create database %I', {name}) where not {there} \\gexec\n"
            ),
        )
    }

    /// Removes it, and ends the connections to it in the same moment: servers connect again at once.
    pub(super) fn drop(database: &str) -> Self {
        let name = literal(database);
        Self::beside(
            database,
            format!(
                "select {name} || case when exists (select from pg_database where datname = {name}) \
                 then ' is dropped' else ' is not there' end;\n\
                 select format('drop database if exists %I with (force)', {name}) \\gexec\n"
            ),
        )
    }

    /// Removes it and makes it anew, empty.
    pub(super) fn recreate(database: &str) -> Self {
        let dropped = Self::drop(database);
        Self { statements: dropped.statements + &Self::create(database).statements, ..dropped }
    }

    /// Ends all connections to it but this one.
    pub(super) fn kill_connections(database: &str) -> Self {
        Self::beside(
            database,
            format!(
                "select count(pg_terminate_backend(pid)) || ' connections ended' from pg_stat_activity \
                 where datname = {} and backend_type = 'client backend' and pid <> pg_backend_pid();\n",
                literal(database)
            ),
        )
    }

    /// Submits a handful of indexes the way the original's server does.
    pub(super) fn seed(database: &str) -> Self {
        let rows = SEEDS.map(|index| format!("({index})")).join(", ");
        let listed = SEEDS.map(|index| index.to_string()).join(", ");
        Self {
            database: database.to_owned(),
            statements: format!("insert into values(number) values {rows};\nselect 'submitted: {listed}';\n"),
        }
    }

    /// For the database that every cluster has: one can't be made or dropped from within.
    fn beside(database: &str, statements: String) -> Self {
        let other = if database == "postgres" { "template1" } else { "postgres" };
        Self { database: other.to_owned(), statements }
    }
}

/// How psql runs a script from its input: rows alone, no file of the person's, and to the first error.
pub(super) const PSQL: [&str; 7] = [
    "--no-psqlrc",
    "--quiet",
    "--no-align",
    "--tuples-only",
    "--set=ON_ERROR_STOP=1",
    "--no-password",
    "--file=-",
];

/// A text in SQL.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_not_dropped_from_within() {
        assert_eq!(Script::drop("fibvalues").database, "postgres");
        assert_eq!(Script::drop("postgres").database, "template1");
        assert_eq!(Script::seed("fibvalues").database, "fibvalues");
    }

    #[test]
    fn a_name_is_quoted() {
        assert!(Script::create("it's").statements.contains("'it''s'"));
    }
}

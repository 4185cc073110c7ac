//! Statements and their parameters.

use std::{fmt::Write, time::Duration};

use sqlx::{Arguments, AssertSqlSafe, Database, Encode, SqlSafeStr, SqlStr, Type};

use super::pools::OTHER_SERVER;

/// Settings that this program depends on, whatever is set for the server, the database or the role: a commit is durable
/// when it returns, no transaction has to be repeated, and only the statement timeout limits the wait for a lock.
/// The isolation level of one transaction has a name of its own.
pub(super) const SESSION: [(&str, &str); 4] = [
    ("transaction_isolation", "read committed"),
    ("synchronous_commit", "on"),
    ("lock_timeout", "0"),
    ("client_min_messages", "warning"),
];

/// Identifies the server, or is empty on a standby. No two servers share the time of their start, and it changes with
/// every restart, so also at a failover.
pub(super) const SERVER: &str =
    "case when pg_is_in_recovery() then '' else extract(epoch from pg_postmaster_start_time())::text end";

/// Statements that apply [`SESSION`] to the transaction they begin.
pub(super) fn set_local_session() -> String {
    SESSION.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = write!(text, "set local {name} = '{value}'; ");
        text
    })
}

/// A statement with its parameters, which can be sent in two forms: prepared once per connection, or as
/// a single text for connection poolers. A pooler may send each message to another server session, so that
/// nothing may depend on an earlier one: no prepared statement, not even an unnamed one, and no setting.
pub(super) struct Statement {
    sql: SqlStr,
    values: Vec<Value>,
    varies: bool,
}

/// A parameter.
pub(super) enum Value {
    Number(Option<i64>),
    Text(Option<String>),
}

impl Statement {
    /// A statement with the parameters `$1`, `$2`, …
    pub(super) fn new(sql: &'static str) -> Self {
        Self { sql: sql.into_sql_str(), values: Vec::new(), varies: false }
    }

    /// A statement that contains a list: indexes, or rows made of numbers and our own words. Not kept
    /// prepared, which would not pay off.
    pub(super) fn with_list(before: &str, items: impl Iterator<Item: ToString>, after: &str) -> Self {
        let items = items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ");
        // Safe, because no item contains text from outside this program.
        let sql = AssertSqlSafe(format!("{before}{items}{after}")).into_sql_str();
        Self { sql, values: Vec::new(), varies: true }
    }

    /// Adds the next parameter.
    pub(super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// The statement with placeholders, its parameters, and true if it should stay prepared.
    pub(super) fn prepared<DB: Database>(&self) -> Result<(SqlStr, DB::Arguments, bool), sqlx::Error>
    where
        for<'q> Option<i64>: Encode<'q, DB> + Type<DB>,
        for<'q> Option<String>: Encode<'q, DB> + Type<DB>,
    {
        let mut arguments = DB::Arguments::default();
        for value in &self.values {
            match value {
                Value::Number(number) => arguments.add(*number),
                Value::Text(text) => arguments.add(text.clone()),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        Ok((self.sql.clone(), arguments, !self.varies))
    }

    /// The statement as a single text for Postgres. The statements of one text form a transaction, and the timeout
    /// applies only within it. It fails on any other server than `server`, if that is given.
    pub(super) fn text(&self, statement_timeout: Duration, server: Option<&str>) -> SqlStr {
        let mut text = format!(
            "{}set local statement_timeout = {}; ",
            set_local_session(),
            statement_timeout.as_millis()
        );
        if let Some(server) = server {
            let server = literal(server);
            let _ = write!(
                text,
                "do $$ begin if ({SERVER}) <> {server} then raise 'other server' using errcode = '{OTHER_SERVER}'; \
                 end if; end $$; "
            );
        }
        let mut rest = self.sql.as_str();
        while let Some((before, after)) = rest.split_once('$') {
            let digits = after.find(|character: char| !character.is_ascii_digit()).unwrap_or(after.len());
            let number = after[..digits].parse::<usize>().unwrap_or(0);
            text.push_str(before);
            match number.checked_sub(1).and_then(|at| self.values.get(at)) {
                Some(Value::Number(Some(number))) => drop(write!(text, "{number}")),
                Some(Value::Text(Some(value))) => text.push_str(&literal(value)),
                Some(Value::Number(None) | Value::Text(None)) | None => text.push_str("null"),
            }
            rest = &after[digits..];
        }
        text.push_str(rest);
        // Safe, because every text is quoted.
        AssertSqlSafe(text).into_sql_str()
    }
}

/// Quotes a text for Postgres, as libpq's `PQescapeLiteral` does, whatever `standard_conforming_strings` is.
pub(super) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') { format!(" E'{}'", quoted.replace('\\', r"\\")) } else { format!("'{quoted}'") }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_contains_every_parameter() {
        let statement = Statement::new("select $1, $2 where $10 = $3 or $1 < 0")
            .bind(7)
            .bind(String::from(r"it's a \ $1"))
            .bind(None::<i64>);
        let text = statement.text(Duration::from_secs(5), None);
        let expected = set_local_session()
            + r"set local statement_timeout = 5000; select 7,  E'it''s a \\ $1' where null = null or 7 < 0";
        assert_eq!(text.as_str(), expected);
    }
}

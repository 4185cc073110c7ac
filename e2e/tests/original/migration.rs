//! Migration from the original system loses nothing and can be undone.

use e2e::{Stack, StackBuilder, eventually};
use protocol::Status;

/// Fills Postgres and Redis with what the original server and worker leave behind. That worker counts from
/// F(0) = 1, and that server resets the value of an index that is submitted again.
fn filled_by_the_original() -> StackBuilder {
    let builder = Stack::builder().set("MAX_INDEX", 100_000);
    builder.database().execute(
        "create table if not exists values (number int);
         insert into values(number) values (7), (8), (7), (-5), (9), (null), (100001), (7), (10), (2147483647);",
    );
    for (field, value) in [
        ("7", "21"),
        ("8", "21"),
        ("9", "Nothing yet!"),
        ("-5", "1"),
        ("007", "13"),
        ("3abc", "3"),
        ("100001", "Nothing yet!"),
        // Only in the hash.
        ("11", "89"),
        ("12", "Nothing yet!"),
        ("13", "377"),
    ] {
        builder.redis().set_value(field, value);
    }
    builder
}

#[tokio::test(flavor = "multi_thread")]
async fn all_original_data_is_adopted_and_every_value_is_right() {
    let stack = filled_by_the_original().start().await;
    let api = stack.api();
    for (index, value) in [(7, "13"), (8, "21"), (9, "34"), (10, "55"), (11, "89"), (12, "144"), (13, "233")]
    {
        assert_eq!(api.value(index).await, value, "F({index})");
    }
    for too_high in [100_001, 2_147_483_647] {
        let failed = api.entry_at(too_high, Status::Failed).await;
        assert_eq!(failed.reason.as_deref(), Some("The index must not exceed 100,000."));
    }
    let mut all = api.all().await;
    // In the order of the original rows, followed by indexes found only in the hash.
    assert_eq!(all[..6], [7, 8, 9, 100_001, 10, 2_147_483_647]);
    all[6..].sort_unstable();
    assert_eq!(all[6..], [11, 12, 13]);
    let values = api.current().await;
    for ignored in ["-5", "007", "3abc"] {
        assert!(!values.contains_key(ignored), "{values:?}");
    }
    // Entries that are not indexes are left in place and reported.
    assert_eq!(stack.redis.run(&["hget", "values", "3abc"]), "3");
    assert!(stack.server.log().contains("adopted the original system's table"));
    for part in ["adopted=6", "duplicates=2", "ignored=2"] {
        assert!(stack.server.log().contains(part), "{part} is missing:\n{}", stack.server.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_adopts_nothing_twice() {
    let mut stack = filled_by_the_original().start().await;
    assert_eq!(stack.api().value(12).await, "144");
    let before = stack.api().all().await;
    stack.server.restart().await;
    stack.api().ready().await;
    assert_eq!(stack.api().all().await, before);
    assert!(!stack.server.log().contains("adopted the original"), "{}", stack.server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_original_server_still_works_on_our_database() {
    let stack = filled_by_the_original().start().await;
    let api = stack.api();
    assert_eq!(api.value(7).await, "13");

    // Its statements at start, for a new index, for a known index and for the list. It writes to Redis after the
    // database; here it stops in between.
    stack.database.execute("CREATE TABLE IF NOT EXISTS values (number INT)");
    stack.database.execute("INSERT INTO values(number) VALUES(20)");
    stack.database.execute("INSERT INTO values(number) VALUES(7)");
    let rows = stack.database.execute("SELECT * from values");
    for number in ["7", "8", "20"] {
        let times = rows.lines().filter(|row| row.split('|').next() == Some(number)).count();
        assert_eq!(times, 1, "{number} in {rows}");
    }
    let columns = rows.lines().next().map(|row| row.split('|').count());
    assert_eq!(columns, Some(1), "the original's rows have a number and nothing else: {rows}");

    assert_eq!(api.value(20).await, "6765");
    assert_eq!(api.value(7).await, "13");
    eventually("20 is listed", || async {
        let all = api.all().await;
        if all.contains(&20) { Ok(()) } else { Err(format!("{all:?}")) }
    })
    .await;
}

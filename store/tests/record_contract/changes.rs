//! Changes since an earlier read.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use protocol::{Index, Outcome};
use sqlx::{Connection, Executor, PgConnection};
use store::{Changes, Mark, PostgresConfig, Record};
use throwaway::{Postgres, Relay};

use crate::harness::{Subject, completion, config_of, index, on_both};

async fn mark_of(record: &dyn Record) -> Mark {
    record.changes(None).await.unwrap().0.unwrap()
}

/// Returns the indexes that have changed, sorted, and moves the mark.
async fn changed_since(record: &dyn Record, mark: &mut Mark) -> Vec<u32> {
    let (now, changes) = record.changes(Some(mark)).await.unwrap();
    *mark = now.unwrap();
    let Changes::Of(changed) = changes else { panic!("the changes are not listed") };
    let mut indexes: Vec<_> = changed.iter().map(|(_, index)| index.get()).collect();
    indexes.sort_unstable();
    indexes
}

async fn submit(record: &dyn Record, number: u32) -> u64 {
    record.submit(index(number), 1).await.unwrap().entry.position
}

on_both! {
    async fn every_kind_of_write_is_a_change(subject: Subject) {
        let record = subject.prepared().await;
        submit(&*record, 1).await;
        assert_eq!(record.changes(None).await.unwrap().1, Changes::Any);
        let mut mark = mark_of(&*record).await;
        assert_eq!(changed_since(&*record, &mut mark).await, [] as [u32; 0]);
        submit(&*record, 2).await;
        submit(&*record, 1).await;
        assert_eq!(changed_since(&*record, &mut mark).await, [1, 2]);
        record.set_reason(index(1), "waits").await.unwrap();
        assert_eq!(changed_since(&*record, &mut mark).await, [1]);
        record.complete(index(1), &completion("1")).await.unwrap();
        record.give_up(index(2), "why").await.unwrap();
        assert_eq!(changed_since(&*record, &mut mark).await, [1, 2]);
        record.adopt(&[index(3), index(2)]).await.unwrap();
        assert_eq!(changed_since(&*record, &mut mark).await, [3]);
        record.check().await.unwrap();
        assert_eq!(changed_since(&*record, &mut mark).await, [] as [u32; 0]);
    }

    async fn another_servers_writes_are_changes(subject: Subject) {
        let record = subject.prepared().await;
        let other = record.another();
        other.prepare().await.unwrap();
        let mut mark = mark_of(&*record).await;
        let position = submit(&*other, 7).await;
        let (_, changes) = record.changes(Some(&mark)).await.unwrap();
        assert_eq!(changes, Changes::Of(vec![(position, index(7))]));
        assert_eq!(changed_since(&*record, &mut mark).await, [7]);
    }

    async fn too_many_changes_are_not_listed(subject: Subject) {
        let record = subject.prepared().await;
        let mark = mark_of(&*record).await;
        let many: Vec<Index> = (0..1_001).map(index).collect();
        record.adopt(&many[..1_000]).await.unwrap();
        let (_, changes) = record.changes(Some(&mark)).await.unwrap();
        assert!(matches!(changes, Changes::Of(changed) if changed.len() == 1_000));
        record.adopt(&many[1_000..]).await.unwrap();
        assert_eq!(record.changes(Some(&mark)).await.unwrap().1, Changes::Any);
    }

    async fn whatever_writers_do_at_once_no_acknowledged_write_is_missed(subject: Subject) {
        const PER_WRITER: u32 = 200;
        let record = subject.prepared().await;
        let other = record.another();
        other.prepare().await.unwrap();
        let acknowledged: Arc<[AtomicBool]> = (0..4 * PER_WRITER).map(|_| AtomicBool::new(false)).collect();
        let running = Arc::new(AtomicU32::new(4));
        for writer in 0..4 {
            let record = if writer % 2 == 0 { record.share() } else { Arc::clone(&other) };
            let (acknowledged, running) = (Arc::clone(&acknowledged), Arc::clone(&running));
            tokio::spawn(async move {
                for number in writer * PER_WRITER..(writer + 1) * PER_WRITER {
                    submit(&*record, number).await;
                    acknowledged[number as usize].store(true, Ordering::SeqCst);
                }
                running.fetch_sub(1, Ordering::SeqCst);
            });
        }
        let mut mark = mark_of(&*record).await;
        let mut seen = vec![false; acknowledged.len()];
        for (_, found) in record.listed(0, 1_000).await.unwrap() {
            seen[found.get() as usize] = true;
        }
        loop {
            let is_last = running.load(Ordering::SeqCst) == 0;
            let before: Vec<_> = acknowledged.iter().map(|it| it.load(Ordering::SeqCst)).collect();
            for number in changed_since(&*record, &mut mark).await {
                seen[number as usize] = true;
            }
            let missed = (0..seen.len()).find(|&number| before[number] && !seen[number]);
            assert_eq!(missed, None, "acknowledged before the read that missed it");
            if is_last {
                break;
            }
        }
        assert!(seen.iter().all(|seen| *seen));
    }

    async fn outcomes_are_those_of_the_entries(subject: Subject) {
        let record = subject.prepared().await;
        for number in [1, 2, 3] {
            submit(&*record, number).await;
        }
        let long = "7".repeat(1_001);
        record.complete(index(1), &completion("1")).await.unwrap();
        record.complete(index(2), &completion(&long)).await.unwrap();
        let entries = record.oldest(0, 10).await.unwrap();
        let expected: Vec<_> =
            entries.into_iter().map(|entry| (entry.position, entry.index, entry.outcome)).collect();
        assert_eq!(record.outcomes(0, 10).await.unwrap(), expected);
        assert_eq!(expected[1].2, Some(Outcome::of(&long)));
        assert_eq!(record.outcomes(expected[0].0, 1).await.unwrap(), expected[1..2]);
    }
}

#[tokio::test]
async fn what_administrators_and_original_servers_write_is_a_change() {
    let postgres = Postgres::shared();
    let database = postgres.create_database().unwrap();
    let record = Subject::in_config(config_of(postgres, &database)).prepared().await;
    for number in [1, 2, 3] {
        submit(&*record, number).await;
    }
    let mut mark = mark_of(&*record).await;
    postgres.execute(&database, "insert into values (number) values (2), (9)").unwrap();
    assert_eq!(changed_since(&*record, &mut mark).await, [2, 9]);
    postgres
        .execute(
            &database,
            "set session_replication_role = replica; update indexes set changed = '3' where number = 1",
        )
        .unwrap();
    assert_eq!(changed_since(&*record, &mut mark).await, [1]);
    for deletion in ["delete from indexes where number = 3", "truncate indexes"] {
        postgres.execute(&database, deletion).unwrap();
        let (now, changes) = record.changes(Some(&mark)).await.unwrap();
        assert_eq!(changes, Changes::Any, "{deletion}");
        mark = now.unwrap();
    }
}

#[tokio::test]
async fn a_transaction_that_commits_late_is_a_change_when_it_commits() {
    let postgres = Postgres::shared();
    let database = postgres.create_database().unwrap();
    let record = Subject::in_config(config_of(postgres, &database)).prepared().await;
    submit(&*record, 1).await;
    let mut connection = PgConnection::connect(&postgres.url(&database)).await.unwrap();
    let mut late = connection.begin().await.unwrap();
    late.execute("insert into values (number) values (50)").await.unwrap();
    let mut mark = mark_of(&*record).await;
    submit(&*record, 2).await;
    assert_eq!(changed_since(&*record, &mut mark).await, [2], "only what is committed");
    late.commit().await.unwrap();
    assert_eq!(changed_since(&*record, &mut mark).await, [50]);
}

#[tokio::test]
async fn rows_of_a_restored_backup_are_not_changes_forever() {
    let postgres = Postgres::shared();
    let database = postgres.create_database().unwrap();
    let record = Subject::in_config(config_of(postgres, &database)).prepared().await;
    submit(&*record, 1).await;
    // In a backup of an older cluster, the ids of transactions are higher than here.
    let restored =
        "alter table indexes disable trigger mark_changed; update indexes set changed = '99999999999';
        alter table indexes enable always trigger mark_changed";
    postgres.execute(&database, restored).unwrap();
    let mut mark = mark_of(&*record).await;
    assert_eq!(changed_since(&*record, &mut mark).await, [] as [u32; 0]);
    submit(&*record, 1).await;
    assert_eq!(changed_since(&*record, &mut mark).await, [1]);
}

/// Returns the changes since `mark`, once the database responds.
async fn changes_after_an_outage(record: &dyn Record, mark: &Mark) -> (Mark, Changes) {
    loop {
        if let Ok((Some(now), changes)) = record.changes(Some(mark)).await {
            return (now, changes);
        }
    }
}

#[tokio::test]
async fn after_a_restart_of_the_database_everything_counts_as_changed() {
    let mut postgres = Postgres::start().unwrap();
    let database = postgres.create_database().unwrap();
    let record = Subject::in_config(config_of(&postgres, &database)).prepared().await;
    submit(&*record, 1).await;
    let mark = mark_of(&*record).await;
    postgres.restart().unwrap();
    let (_, changes) = changes_after_an_outage(&*record, &mark).await;
    assert_eq!(changes, Changes::Any);
    let mut mark = mark_of(&*record).await;
    assert_eq!(changed_since(&*record, &mut mark).await, [] as [u32; 0]);
}

#[tokio::test]
async fn a_promoted_standby_that_lacks_a_write_does_not_repeat_a_state_of_its_predecessor() {
    let mut primary = Postgres::start().unwrap();
    let database = primary.create_database().unwrap();
    let relay = Relay::to(primary.port()).unwrap();
    let config = PostgresConfig { port: relay.port(), ..config_of(&primary, &database) };
    let record = Subject::in_config(config).prepared().await;
    submit(&*record, 1).await;
    let standby = primary.standby().unwrap();
    while standby.execute(&database, "select count(*) from indexes").unwrap() != "1" {}
    standby.execute("postgres", "alter system set primary_conninfo = ''").unwrap();
    standby.execute("postgres", "select pg_reload_conf()").unwrap();
    while standby.execute(&database, "select count(*) from pg_stat_wal_receiver").unwrap() != "0" {}
    submit(&*record, 2).await;
    let mark = mark_of(&*record).await;
    relay.retarget(standby.port());
    relay.cut();
    // A standby's states are not compared with anything.
    let (on_standby, changes) = loop {
        if let Ok(answer) = record.changes(Some(&mark)).await {
            break answer;
        }
    };
    assert_eq!((on_standby, changes), (None, Changes::Any));
    primary.kill();
    standby.promote().unwrap();
    // Uses the id of the lost transaction again.
    standby.execute(&database, "insert into values (number) values (3)").unwrap();
    let (_, changes) = changes_after_an_outage(&*record, &mark).await;
    assert_eq!(changes, Changes::Any);
}

//! Preparation of the schema, by one server or several, and closing.

use std::sync::Arc;

use store::{Adoption, Counts, Record};

use crate::harness::{assert_not_ready, completion, index, numbers, on_both};

on_both! {
    async fn every_method_fails_before_the_schema_is_in_place(subject: Subject) {
        assert_not_ready(&subject.check().await);
        assert_not_ready(&subject.submit(index(7), 1).await);
        assert_not_ready(&subject.adopt(&[index(7)]).await);
        assert_not_ready(&subject.entry(index(7)).await);
        assert_not_ready(&subject.entries(&[index(7)]).await);
        assert_not_ready(&subject.newest(None, 1).await);
        assert_not_ready(&subject.oldest(0, 1).await);
        assert_not_ready(&subject.listed(0, 1).await);
        assert_not_ready(&subject.pending(0, 1).await);
        assert_not_ready(&subject.complete(index(7), &completion("13")).await);
        assert_not_ready(&subject.give_up(index(7), "why").await);
        assert_not_ready(&subject.set_reason(index(7), "why").await);
        assert_not_ready(&subject.counts().await);
        assert_eq!(subject.prepare().await.unwrap(), Adoption::default());
        subject.check().await.unwrap();
        assert_eq!(subject.counts().await.unwrap(), Counts::default());
    }

    async fn a_restart_finds_all_entries_unchanged(subject: Subject) {
        let record = subject.prepared().await;
        record.submit(index(7), 1).await.unwrap();
        record.submit(index(8), 1).await.unwrap();
        let done = record.complete(index(7), &completion("13")).await.unwrap();
        record.close().await;

        let next = record.another();
        assert_eq!(next.prepare().await.unwrap(), Adoption::default());
        assert_eq!(next.entry(index(7)).await.unwrap(), done);
        assert_eq!(numbers(&next.oldest(0, 10).await.unwrap()), [7, 8]);
        assert_eq!(next.prepare().await.unwrap(), Adoption::default());
        assert_eq!(next.counts().await.unwrap(), Counts { pending: 1, done: 1, failed: 0 });
    }

    async fn eight_servers_can_start_at_once(subject: Subject) {
        let starts: Vec<_> = (0..8)
            .map(|number| {
                let server: Arc<dyn Record> = subject.another();
                tokio::spawn(async move {
                    server.prepare().await.unwrap();
                    server.submit(index(number), 1).await.unwrap();
                    server.close().await;
                })
            })
            .collect();
        for start in starts {
            start.await.unwrap();
        }
        assert_eq!(subject.prepared().await.oldest(0, 10).await.unwrap().len(), 8);
    }

    async fn a_closed_record_returns_errors(subject: Subject) {
        let record = subject.prepared().await;
        record.close().await;
        assert!(record.submit(index(7), 1).await.is_err());
        record.close().await;
    }
}

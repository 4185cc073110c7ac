//! The wire contract, row by row: behaviour that is kept from the original, changed on purpose, or new. The same
//! suite runs on the api listener, under `/api` of the site listener, through nginx, and embedded.

// clippy knows tests by their attribute, and these helpers have none.
#![allow(clippy::unwrap_used)]

mod contract {
    pub(crate) mod digits;
    pub(crate) mod events;
    pub(crate) mod pending;
    pub(crate) mod reading;
    pub(crate) mod service;
    pub(crate) mod submission;
}

use contract::{digits, events, pending, reading, service, submission};
use e2e::{Client, Embedded, Gate, Stack, Worker};
use protocol::Status;

/// A place where the API is served, and how it differs.
pub(crate) struct EntryPoint {
    pub(crate) api: Client,
    /// True if metrics are served here.
    pub(crate) metrics: bool,
    pub(crate) nginx: bool,
}

/// Highest index in these tests.
const MAX_INDEX: u32 = 100_000;

async fn suite(entry_point: &EntryPoint) {
    submission::suite(entry_point).await;
    reading::suite(entry_point).await;
    digits::suite(entry_point).await;
    events::suite(entry_point).await;
    service::suite(entry_point).await;
}

fn entry_points(stack: &Stack) -> [EntryPoint; 3] {
    [
        EntryPoint { api: stack.api(), metrics: true, nginx: false },
        EntryPoint { api: stack.site_api(), metrics: false, nginx: false },
        EntryPoint { api: stack.through_nginx(), metrics: false, nginx: true },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_listener_keeps_the_contract() {
    let stack = Stack::builder().set("MAX_INDEX", MAX_INDEX).nginx().start().await;
    let [api_listener, _, _] = entry_points(&stack);
    suite(&api_listener).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_site_listener_keeps_the_contract() {
    let stack = Stack::builder().set("MAX_INDEX", MAX_INDEX).nginx().start().await;
    let [_, site_listener, _] = entry_points(&stack);
    suite(&site_listener).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_keeps_the_contract() {
    let stack = Stack::builder().set("MAX_INDEX", MAX_INDEX).nginx().start().await;
    let [_, _, through_nginx] = entry_points(&stack);
    suite(&through_nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_system_keeps_the_contract() {
    let embedded = Embedded::start_with(|settings| settings.set("MAX_INDEX", MAX_INDEX)).await;
    suite(&EntryPoint { api: embedded.api(), metrics: true, nginx: false }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_index_looks_the_same_everywhere() {
    let stack = Stack::builder().set("MAX_INDEX", MAX_INDEX).workers(0).nginx().start().await;
    stack.api().submit(7).await;
    stack.api().entry_at(7, Status::Pending).await;
    for entry_point in entry_points(&stack) {
        pending::suite(&entry_point.api).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_of_a_long_computation_is_streamed_through_nginx() {
    let stack = Stack::builder().workers(0).nginx().start().await;
    let gate = Gate::closed();
    let _worker = Worker::start_gated(&stack.settings, &gate);
    events::progress(&stack.through_nginx(), &gate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_submits_too_fast_is_told_when_to_retry() {
    let embedded = Embedded::start_with(|settings| settings.set("RATE_LIMIT_PER_SECOND", 1)).await;
    submission::too_fast(&embedded.api()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_origins_may_call_the_api_only_if_listed() {
    let closed = Embedded::start().await;
    service::rejects_other_origins(&closed.api()).await;
    let open = Embedded::start_with(|settings| settings.set("CORS_ORIGINS", "https://example.org")).await;
    service::allows_one_origin(&open.api(), "https://example.org").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_beyond_the_limit_are_refused() {
    let embedded = Embedded::start_with(|settings| settings.set("MAX_STREAMS", 2)).await;
    events::refuses_more_than(&embedded.api(), 2).await;
}

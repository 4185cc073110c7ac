//! Spans for OpenTelemetry: server and worker report one trace, and an unreachable collector does no harm.

use std::collections::{BTreeMap, BTreeSet};

use e2e::{Collector, Database, Embedded, Redis, Server, Settings, Worker, eventually};
use throwaway::process::free_port;

const SERVERS: [&str; 5] = ["submission", "accepted", "recorded", "announced", "delivered"];
const WORKERS: [&str; 3] = ["claimed", "computed", "posted"];

fn with_collector(settings: Settings, endpoint: &str) -> Settings {
    settings.set("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).set("OTEL_BSP_SCHEDULE_DELAY", 100)
}

/// Waits until all spans of an index have arrived.
async fn all_spans(collector: &Collector, index: u32) -> Vec<e2e::SentSpan> {
    eventually(format!("all spans of {index}"), || async {
        let spans = collector.spans_of(index);
        if spans.len() >= SERVERS.len() + WORKERS.len() { Ok(spans) } else { Err(format!("{spans:#?}")) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn server_and_worker_report_one_trace_per_index() {
    let (database, redis, collector) = (Database::create(), Redis::start(), Collector::start().await);
    let settings = with_collector(Settings::stack(&database, redis.port()), collector.endpoint());
    let server = Server::start(&settings).await;
    let _worker = Worker::start(&settings);
    server.api().submit(7).await;
    server.api().value(7).await;
    let timeline = server.api().try_entry(7).await.expect("it was submitted").timeline;

    let sent = all_spans(&collector, 7).await;
    let from = |service: &str| -> BTreeSet<_> {
        sent.iter().filter(|sent| sent.service == service).map(|sent| sent.span.name.as_str()).collect()
    };
    assert_eq!(from("fibstack-server"), BTreeSet::from(SERVERS));
    assert_eq!(from("fibstack-worker"), BTreeSet::from(WORKERS));
    let spans: BTreeMap<_, _> = sent.iter().map(|sent| (sent.span.name.as_str(), &sent.span)).collect();
    assert_eq!(spans.len(), sent.len(), "a span was sent twice: {sent:#?}");

    let whole = spans["submission"];
    assert_eq!((whole.trace_id.len(), whole.span_id.len(), whole.parent_span_id.len()), (16, 8, 0));
    let ids: BTreeSet<_> = spans.values().map(|span| &span.span_id).collect();
    assert_eq!(ids.len(), spans.len());
    for (name, span) in &spans {
        assert_eq!(span.trace_id, whole.trace_id, "{name}");
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{name}");
        if *name != "submission" {
            assert_eq!(span.parent_span_id, whole.span_id, "{name}");
        }
    }
    let ends = |name: &str| Some(spans[name].end_time_unix_nano / 1_000);
    assert_eq!(Some(whole.start_time_unix_nano / 1_000), timeline.accepted_us);
    assert_eq!(ends("submission"), timeline.delivered_us);
    for (name, at) in timeline.steps() {
        // The span uses the worker's clock, the timeline that of Redis.
        if name != "posted" {
            assert_eq!(ends(name), at, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_system_sends_its_remaining_spans_when_it_stops() {
    let collector = Collector::start().await;
    let mut embedded = Embedded::start_with(|settings| {
        // Takes longer than the test.
        with_collector(settings, collector.endpoint()).set("OTEL_BSP_SCHEDULE_DELAY", 3_600_000)
    })
    .await;
    embedded.api().submit(7).await;
    embedded.api().value(7).await;
    assert!(embedded.server.stop().await.success());
    let sent = collector.spans_of(7);
    assert_eq!(Collector::names(&sent), SERVERS.into_iter().chain(WORKERS).collect());
    let traces: BTreeSet<_> = sent.iter().map(|sent| &sent.span.trace_id).collect();
    assert_eq!(traces.len(), 1, "{sent:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_are_sent_over_tls_with_headers_from_a_file() {
    let collector = Collector::start_tls().await;
    let folder = throwaway::Folder::new("headers").expect("it is created");
    let headers = folder.path().join("headers");
    std::fs::write(&headers, "x-key=hunter%202,x-dataset=fibstack\n").expect("it is written");
    let embedded = Embedded::start_with(|settings| {
        with_collector(settings, collector.endpoint())
            .set("OTEL_EXPORTER_OTLP_CERTIFICATE", collector.authority().display())
            .set("OTEL_EXPORTER_OTLP_HEADERS_FILE", headers.display())
    })
    .await;
    embedded.api().submit(7).await;
    let sent = all_spans(&collector, 7).await;
    assert!(sent.iter().all(|sent| sent.key.as_deref() == Some("hunter 2")), "{sent:#?}");
    assert!(!embedded.server.log().contains("hunter"), "{}", embedded.server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_with_an_untrusted_certificate_gets_no_spans() {
    let collector = Collector::start_tls().await;
    let embedded = Embedded::start_with(|settings| with_collector(settings, collector.endpoint())).await;
    embedded.api().submit(7).await;
    eventually("the failure is logged", || async {
        let log = embedded.server.log();
        if log.contains("collector unreachable; dropped spans") { Ok(()) } else { Err(log) }
    })
    .await;
    assert!(embedded.server.log().contains("UnknownIssuer"), "{}", embedded.server.log());
    assert!(collector.spans_of(7).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_collector_is_logged_once_and_does_no_harm() {
    let nobody = format!("http://127.0.0.1:{}", free_port().expect("there is one"));
    let mut embedded = Embedded::start_with(|settings| with_collector(settings, &nobody)).await;
    let lost = |log: &str| log.matches("collector unreachable; dropped spans").count();
    embedded.api().submit(7).await;
    eventually("the failure is logged", || async {
        let log = embedded.server.log();
        if lost(&log) > 0 { Ok(()) } else { Err(log) }
    })
    .await;
    embedded.api().submit(8).await;
    embedded.api().value(8).await;
    let status = embedded.server.stop().await;
    assert!(status.success(), "{status}");
    assert_eq!(lost(&embedded.server.log()), 1, "{}", embedded.server.log());
}

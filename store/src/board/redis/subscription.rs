//! Listening on Redis.

use std::time::Duration;

use deadpool_redis::redis::{
    Msg, Value,
    aio::{PubSubSink, PubSubStream},
};
use futures::{StreamExt, stream};
use protocol::names;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval_at, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::connections::Connections;
use crate::{BoardError, Heard, Subscription, Topic};

/// How many messages may wait for whoever listens. Who falls further behind has missed messages: the
/// subscription ends after these.
const WAITING_MESSAGES: usize = 4_096;

/// A subscription on a connection of its own. It is in force when this returns.
pub(super) async fn subscribe(
    connections: &Connections,
    topics: &[Topic],
) -> Result<Subscription, BoardError> {
    let channels: Vec<_> = topics.iter().map(|topic| channel(*topic)).collect();
    let (sink, messages) = connections.subscribe(&channels).await?;
    let (sender, receiver) = mpsc::channel(WAITING_MESSAGES);
    let deadlines = connections.deadlines();
    // Not left to whoever listens: the client library's own buffer has no bound, so it is kept empty.
    let forwarding = AbortOnDropHandle::new(tokio::spawn(async move {
        let why = forward(sink, messages, &sender, deadlines.heartbeat, deadlines.response).await;
        tracing::debug!(why, "a subscription ended");
    }));
    Ok(stream::unfold((receiver, forwarding), |(mut receiver, forwarding)| async move {
        receiver.recv().await.map(|heard| (heard, (receiver, forwarding)))
    })
    .boxed())
}

fn channel(topic: Topic) -> &'static str {
    match topic {
        Topic::Insert => names::INSERT,
        Topic::Events => names::EVENTS,
    }
}

/// Passes messages on until there are none to come; says why.
async fn forward(
    mut sink: PubSubSink,
    mut messages: PubSubStream,
    sender: &mpsc::Sender<Heard>,
    heartbeat: Duration,
    response: Duration,
) -> &'static str {
    let mut beat = interval_at(tokio::time::Instant::now() + heartbeat, heartbeat);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            message = messages.next() => {
                let Some(message) = message else { return "the connection was lost" };
                let Some(heard) = read(&message) else { continue };
                match sender.try_send(heard) {
                    Ok(()) => {}
                    Err(mpsc::error::TrySendError::Full(_)) => return "the listener fell behind",
                    Err(mpsc::error::TrySendError::Closed(_)) => return "nobody listens any more",
                }
            }
            _ = beat.tick() => match timeout(response, sink.ping::<Value>()).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) => return "the connection was lost",
                Err(_) => return "Redis fell silent",
            },
        }
    }
}

/// A message as the Board tells it; `None` for one that can't be read: a later version's, perhaps.
fn read(message: &Msg) -> Option<Heard> {
    let payload = message.get_payload_bytes();
    if message.get_channel_name() == names::INSERT {
        return Some(Heard::Insert(String::from_utf8_lossy(payload).into_owned()));
    }
    match serde_json::from_slice(payload) {
        Ok(notice) => Some(Heard::Notice(notice)),
        Err(error) => {
            tracing::debug!(%error, "skipped a notice that can't be read");
            None
        }
    }
}

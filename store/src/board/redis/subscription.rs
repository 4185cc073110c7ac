//! Subscriptions on Redis.

use std::sync::Arc;

use deadpool_redis::redis::{
    Msg, Value,
    aio::{PubSubSink, PubSubStream},
};
use futures::{StreamExt, stream};
use protocol::{Notice, names};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval_at, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    connections::Connections,
    subscriptions::{Registration, Subscriptions},
};
use crate::{BoardError, Channel, Deadlines, Message, Subscription};

/// Number of messages buffered per subscriber. The subscription of one that falls further behind ends
/// after these.
const BUFFERED_MESSAGES: usize = 4_096;

/// Subscribes on a dedicated connection. The subscription is active when this returns.
pub(super) async fn subscribe(
    connections: &Connections,
    subscriptions: &Arc<Subscriptions>,
    channels: &[Channel],
) -> Result<Subscription, BoardError> {
    let names: Vec<_> = channels.iter().map(|channel| name(*channel)).collect();
    let (mut sink, messages) = connections.subscribe(&names).await?;
    let deadlines = connections.deadlines();
    // A user that may not use the channel of checks can still work.
    let echo = timeout(deadlines.response, sink.subscribe(names::CHECK)).await;
    let registration = subscriptions.register(channels, matches!(echo, Ok(Ok(()))));
    let (sender, receiver) = mpsc::channel(BUFFERED_MESSAGES);
    // A task of its own, because the client library's buffer is unbounded and must be kept empty.
    let forwarding = AbortOnDropHandle::new(tokio::spawn(async move {
        let reason = forward(sink, messages, &sender, &registration, deadlines).await;
        tracing::debug!(reason, "subscription ended");
    }));
    Ok(stream::unfold((receiver, forwarding), |(mut receiver, forwarding)| async move {
        receiver.recv().await.map(|message| (message, (receiver, forwarding)))
    })
    .boxed())
}

fn name(channel: Channel) -> &'static str {
    match channel {
        Channel::Insert => names::INSERT,
        Channel::Events => names::EVENTS,
    }
}

/// Forwards messages until the subscription ends; returns why.
async fn forward(
    mut sink: PubSubSink,
    mut messages: PubSubStream,
    sender: &mpsc::Sender<Message>,
    registration: &Registration,
    Deadlines { heartbeat, response, .. }: Deadlines,
) -> &'static str {
    let mut beat = interval_at(tokio::time::Instant::now() + heartbeat, heartbeat);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            message = messages.next() => {
                let Some(message) = message else { return "connection lost" };
                if message.get_channel_name() == names::CHECK {
                    registration.handle_echo(message.get_payload_bytes());
                    continue;
                }
                let Some(message) = read(&message) else { continue };
                match sender.try_send(message) {
                    Ok(()) => {}
                    Err(mpsc::error::TrySendError::Full(_)) => return "subscriber fell behind",
                    Err(mpsc::error::TrySendError::Closed(_)) => return "subscriber gone",
                }
            }
            () = registration.end.cancelled() => return "messages did not arrive",
            _ = beat.tick() => match timeout(response, sink.ping::<Value>()).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) => return "connection lost",
                Err(_) => return "Redis stopped responding",
            },
        }
    }
}

/// Reads a message; `None` if this version cannot, for instance because a newer one sent it.
fn read(message: &Msg) -> Option<Message> {
    let payload = message.get_payload_bytes();
    if message.get_channel_name() == names::INSERT {
        return Some(Message::Insert(String::from_utf8_lossy(payload).into_owned()));
    }
    match Notice::from_json(payload) {
        Ok(notice) => Some(Message::Notice(notice)),
        Err(error) => {
            tracing::debug!(%error, "skipped an unknown notice");
            None
        }
    }
}

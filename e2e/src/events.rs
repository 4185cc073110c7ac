//! A client of the event stream.

use std::pin::Pin;

use futures::{Stream, StreamExt};
use protocol::{
    Entry,
    names::{EVENTS_ROUTE, HEARTBEAT},
};
use reqwest::{Method, header::CONTENT_TYPE};
use tokio::time::timeout;

use crate::{Client, DEADLINE};

/// An open event stream.
pub struct Events {
    bytes: Pin<Box<dyn Stream<Item = reqwest::Result<Vec<u8>>> + Send>>,
    unread: String,
    from: String,
}

/// One block of the stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sent {
    /// Name of the event.
    pub event: String,
    /// Id of the event.
    pub id: String,
    /// Data of the event.
    pub data: String,
    /// Comments in the block.
    pub comments: Vec<String>,
}

impl Sent {
    /// Parses the data as an entry.
    ///
    /// # Panics
    /// Panics if it is not an entry.
    #[must_use]
    pub fn entry(&self) -> Entry {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    fn read(block: &str) -> Self {
        let mut sent = Self::default();
        for line in block.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match field {
                "" => sent.comments.push(value),
                "event" => sent.event = value,
                "id" => sent.id = value,
                "data" => sent.data += &value,
                _ => {}
            }
        }
        sent
    }
}

impl Events {
    pub(crate) async fn open(client: &Client) -> Self {
        let response = client.request(Method::GET, EVENTS_ROUTE).send().await;
        let response = response.unwrap_or_else(|error| panic!("no event stream: {error:?}"));
        assert_eq!(response.status(), 200, "the event stream of {}", client.base());
        assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream");
        let bytes = response.bytes_stream().map(|chunk| chunk.map(|bytes| bytes.to_vec()));
        let mut events =
            Self { bytes: Box::pin(bytes), unread: String::new(), from: client.base().to_owned() };
        // After the first comment, the server forwards every event to us.
        let opening = events.block().await.expect("an event stream starts with a comment");
        assert!(!opening.comments.is_empty(), "an event stream starts with a comment, not {opening:?}");
        events
    }

    /// Reads the next block, comments included; `None` at the end of the stream.
    ///
    /// # Panics
    /// Panics if nothing arrives in time.
    pub async fn block(&mut self) -> Option<Sent> {
        loop {
            if let Some((block, rest)) = self.unread.split_once("\n\n") {
                let block = Sent::read(block);
                self.unread = rest.to_owned();
                return Some(block);
            }
            let chunk = timeout(DEADLINE, self.bytes.next()).await;
            match chunk.unwrap_or_else(|_| panic!("received nothing from {} within {DEADLINE:?}", self.from))
            {
                Some(Ok(bytes)) => self.unread += &String::from_utf8_lossy(&bytes),
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// Reads the next event about an entry; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Sent> {
        loop {
            let block = self.block().await?;
            if !block.event.is_empty() && block.event != HEARTBEAT {
                return Some(block);
            }
        }
    }

    /// Reads until an event satisfies a condition, and returns all events up to it.
    ///
    /// # Panics
    /// Panics if the stream ends first.
    pub async fn until(&mut self, expected: &str, like_this: impl Fn(&Sent) -> bool) -> Vec<Sent> {
        let mut seen = Vec::new();
        while let Some(sent) = self.next().await {
            seen.push(sent);
            if seen.last().is_some_and(&like_this) {
                return seen;
            }
        }
        panic!("expected from {}: {expected}\nreceived before the end: {seen:#?}", self.from)
    }

    /// Reads until the stream ends.
    pub async fn ended(&mut self) {
        while self.block().await.is_some() {}
    }
}

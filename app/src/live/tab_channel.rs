//! The messages between tabs.

use std::{borrow::Cow, time::Duration};

use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use web_sys::{BroadcastChannel, MessageEvent};

/// A message between tabs.
///
/// Tabs may run different versions of the page, so the texts of these messages stay as they are, and
/// unknown ones are ignored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum TabMessage {
    /// A tab has joined and asks whether the stream is open.
    Hello,
    /// The leader's reply: the stream is open.
    Live,
    /// The leader's reply: the stream is not open yet.
    Opening,
    /// The stream was opened, for the first time or again; events may have been missed.
    Opened,
    /// The stream was interrupted.
    Interrupted,
    /// The leader received a heartbeat; unless the stream is lost, it will send something within this time.
    Beat(Duration),
    /// An entry changed: its JSON as the leader received it.
    Entry(String),
}

/// Beginning of the text of [`TabMessage::Beat`], before the time in ms.
const BEAT: &str = "beat ";

impl TabMessage {
    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Hello => "hello".into(),
            Self::Live => "live".into(),
            Self::Opening => "opening".into(),
            Self::Opened => "opened".into(),
            Self::Interrupted => "lost".into(),
            Self::Beat(interval) => format!("{BEAT}{}", interval.as_millis()).into(),
            Self::Entry(json) => json.into(),
        }
    }

    fn parse(text: String) -> Option<Self> {
        match text.as_str() {
            "hello" => Some(Self::Hello),
            "live" => Some(Self::Live),
            "opening" => Some(Self::Opening),
            "opened" => Some(Self::Opened),
            "lost" => Some(Self::Interrupted),
            _ => match text.strip_prefix(BEAT) {
                Some(interval_ms) => interval_ms.parse().ok().map(Duration::from_millis).map(Self::Beat),
                None => text.starts_with('{').then_some(Self::Entry(text)),
            },
        }
    }
}

/// The channel to the other tabs.
pub(super) struct TabChannel {
    channel: BroadcastChannel,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

impl TabChannel {
    /// Opens the channel and calls `handler` for each message; `None` if the browser has no channels.
    pub(super) fn open(name: &str, handler: impl Fn(TabMessage) + 'static) -> Option<Self> {
        let channel = BroadcastChannel::new(name).ok()?;
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(message) = event.data().as_string().and_then(TabMessage::parse) {
                handler(message);
            }
        });
        channel.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Some(Self { channel, _on_message: on_message })
    }

    /// Sends a message to all other tabs.
    pub(super) fn broadcast(&self, message: &TabMessage) {
        // Fails only if the channel is closed, which happens when this is dropped.
        let _ = self.channel.post_message(&JsValue::from_str(&message.text()));
    }
}

impl Drop for TabChannel {
    fn drop(&mut self) {
        self.channel.set_onmessage(None);
        self.channel.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_parsed_from_its_text() {
        let entry = TabMessage::Entry(r#"{"index":7}"#.to_owned());
        for message in [
            TabMessage::Hello,
            TabMessage::Live,
            TabMessage::Opening,
            TabMessage::Opened,
            TabMessage::Interrupted,
            TabMessage::Beat(Duration::from_secs(5)),
            entry,
        ] {
            assert_eq!(TabMessage::parse(message.text().into_owned()), Some(message));
        }
    }

    #[test]
    fn a_message_of_another_version_is_ignored() {
        for text in ["", "goodbye", "[7]", "beat", "beat soon"] {
            assert_eq!(TabMessage::parse(text.to_owned()), None, "{text}");
        }
    }
}

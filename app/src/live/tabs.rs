//! What tabs tell each other.

use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{BroadcastChannel, MessageEvent};

/// What tabs tell each other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Word {
    /// A tab begins to listen and asks how things are.
    Hello,
    /// The answer to it: the stream is open.
    Live,
    /// The stream was opened, for the first time or again; news may have been missed.
    Opened,
    /// The stream broke.
    Lost,
    /// An entry changed: the JSON as it came.
    News(String),
}

impl Word {
    fn write(&self) -> &str {
        match self {
            Self::Hello => "hello",
            Self::Live => "live",
            Self::Opened => "opened",
            Self::Lost => "lost",
            Self::News(json) => json,
        }
    }

    fn read(text: String) -> Self {
        match text.as_str() {
            "hello" => Self::Hello,
            "live" => Self::Live,
            "opened" => Self::Opened,
            "lost" => Self::Lost,
            _ => Self::News(text),
        }
    }
}

/// The channel to the other tabs.
pub(super) struct Tabs {
    channel: BroadcastChannel,
    _heard: Closure<dyn FnMut(MessageEvent)>,
}

impl Tabs {
    /// Listens to the other tabs; none if the browser has no such channel.
    pub(super) fn open(name: &str, hear: impl Fn(Word) + 'static) -> Option<Self> {
        let channel = BroadcastChannel::new(name).ok()?;
        let heard = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(text) = event.data().as_string() {
                hear(Word::read(text));
            }
        });
        channel.set_onmessage(Some(heard.as_ref().unchecked_ref()));
        Some(Self { channel, _heard: heard })
    }

    /// Tells all other tabs.
    pub(super) fn say(&self, word: &Word) {
        // Fails for a closed channel alone, which nobody listens to.
        let _ = self.channel.post_message(&word.write().into());
    }
}

impl Drop for Tabs {
    fn drop(&mut self) {
        self.channel.set_onmessage(None);
        self.channel.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_as_it_was_written() {
        let news = Word::News(r#"{"index":7}"#.to_owned());
        for word in [Word::Hello, Word::Live, Word::Opened, Word::Lost, news] {
            assert_eq!(Word::read(word.write().to_owned()), word);
        }
    }
}

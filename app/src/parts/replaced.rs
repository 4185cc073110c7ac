//! Views that are replaced when their value changes.
//!
//! Leptos would change a text node in place. Once the browser has translated the page, nobody would see the change,
//! because other nodes have replaced the text ([`translation`](crate::translation)).

use leptos::{html::custom, prelude::*, tachys::view::keyed::keyed};

/// An element that contains only text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextElement {
    /// Name of the element.
    pub tag: &'static str,
    /// Its class.
    pub class: Option<&'static str>,
    /// Its status, for the style sheet.
    pub status: Option<&'static str>,
    /// Its tooltip.
    pub title: Option<String>,
    /// Its text.
    pub text: String,
}

impl TextElement {
    fn view(self) -> impl IntoView {
        custom(self.tag)
            .class(self.class)
            .attr("data-status", self.status)
            .attr("title", self.title)
            .child(self.text)
    }
}

/// Shows a view of a value and replaces the view, which must consist of elements, when the value changes.
///
/// Each type of view adds several kilobytes to the WASM, so views of text are shown by [`replaced_texts`] instead.
pub fn replaced<T, V>(
    value: impl Fn() -> T + Send + Sync + 'static,
    view: impl Fn(T) -> V + Clone + Send + 'static,
) -> impl IntoView
where
    T: Clone + PartialEq + Send + Sync + 'static,
    V: IntoView + 'static,
{
    let versioned = Memo::new(move |last: Option<&(u32, T)>| {
        let value = value();
        let version = last.map_or(0, |(version, last)| version + u32::from(*last != value));
        (version, value)
    });
    move || {
        let view = view.clone();
        let no_position = |_| ();
        keyed(
            [versioned.get()],
            |(version, _)| *version,
            move |_, (_, value)| (no_position, view(value).into_view()),
        )
    }
}

/// Shows elements that contain only text, and replaces them when they change.
pub fn replaced_texts<T>(texts: impl Fn() -> T + Send + Sync + 'static) -> impl IntoView
where
    T: IntoIterator<Item = TextElement>,
{
    replaced_elements(Box::new(move || texts().into_iter().collect()))
}

/// Not generic, so that the WASM contains it once.
fn replaced_elements(elements: Box<dyn Fn() -> Vec<TextElement> + Send + Sync>) -> impl IntoView {
    replaced(elements, |elements| elements.into_iter().map(TextElement::view).collect::<Vec<_>>())
}

/// Shows a text that changes.
pub fn replaced_text(text: impl Fn() -> String + Send + Sync + 'static) -> impl IntoView {
    replaced_texts(move || [TextElement { tag: "span", text: text(), ..TextElement::default() }])
}

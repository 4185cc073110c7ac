//! Views that are replaced when their value changes.

use leptos::prelude::*;

/// Shows a view of a value and replaces the view, which must consist of elements, when the value changes.
///
/// Leptos would change a text node in place. Once the browser has translated the page, nobody would see the change,
/// because other nodes have replaced the text ([`translation`](crate::translation)).
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
    view! {
        <For each=move || [versioned.get()] key=|(version, _)| *version children=move |(_, value)| view(value) />
    }
}

/// Shows a text that changes.
pub fn replaced_text(text: impl Fn() -> String + Send + Sync + 'static) -> impl IntoView {
    replaced(text, |text| view! { <span>{text}</span> })
}

//! The pages. The server alone renders them; what comes alive in the browser are the islands.

// The macro puts every component into a module of its own, where the lint can't see the exports.
#![allow(unreachable_pub)]

mod explanation;
mod home;
mod missing;
mod value;

use leptos::prelude::*;
use leptos_router::{
    SsrMode,
    components::{Route, Router, Routes},
    path,
};

use crate::{shell::Loading, source::Shown};

/// The routes. All of them wait for their data before anything is sent (`SsrMode::Async`): parts that
/// come later would need scripts to be put in place.
#[component]
pub fn App() -> impl IntoView {
    view! {
        <Router>
            <Routes fallback=Page>
                <Route path=path!("/") view=Page ssr=SsrMode::Async />
                <Route path=path!("/values/:index") view=Page ssr=SsrMode::Async />
                <Route path=path!("/otherpage") view=Page ssr=SsrMode::Async />
            </Routes>
        </Router>
    }
}

/// What the URL asks for, as [`crate::shell()`] loaded it.
#[component]
fn Page() -> impl IntoView {
    // Without it only the list of routes is being made; nothing is shown.
    use_context::<Loading>().map(|loading| {
        Suspend::new(async move {
            match &*loading.await {
                Shown::Home(shown) => home::page(shown).into_any(),
                Shown::Value(entry) => value::page(entry).into_any(),
                Shown::NeverSubmitted(index) => missing::never_submitted(*index).into_any(),
                Shown::NoIndex(error) => missing::no_index(error).into_any(),
                Shown::Explanation => explanation::page().into_any(),
                Shown::Missing => missing::page().into_any(),
                Shown::Unavailable => missing::unavailable().into_any(),
            }
        })
    })
}

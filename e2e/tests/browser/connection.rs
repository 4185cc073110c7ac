//! The live connection: the page shows its true state, and it recovers by itself.

use anyhow::{Context, Result};
use e2e::{
    Embedded, Stack,
    browser::{Browser, Scripts},
    expected,
};
use thirtyfour::prelude::WindowHandle;
use throwaway::Relay;

use crate::{open, value_of};

/// A system behind a connection that can be stalled, and its address.
async fn behind_relay() -> Result<(Embedded, Relay, String)> {
    let system = Embedded::start().await;
    let relay = Relay::to(system.server.site_addr().port())?;
    let site = format!("http://127.0.0.1:{}/", relay.port());
    Ok((system, relay, site))
}

/// Opens the site in a second tab, which follows the first.
async fn open_second(browser: &Browser, site: &str) -> Result<[WindowHandle; 2]> {
    let first = browser.driver.window().await?;
    let second = browser.driver.new_window().await?;
    browser.driver.switch_to_window(second.clone()).await?;
    browser.driver.goto(site).await?;
    browser.wait_until_live().await?;
    Ok([first, second])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tab_says_that_a_silent_connection_is_lost_and_catches_up_once_it_is_back() -> Result<()> {
    let (system, relay, site) = behind_relay().await?;
    let browser = open(&site, Scripts::On).await?;
    let windows = open_second(&browser, &site).await?;
    // Simulates a proxy that hangs: connections stay open, new ones are accepted, and nothing arrives.
    relay.hold();
    system.api().submit(25).await;
    for window in &windows {
        browser.driver.switch_to_window(window.clone()).await?;
        browser.wait_for("[data-connection=reconnecting]").await?;
        browser.wait_for_text(".connection", "reconnecting…").await?;
    }
    relay.release();
    for window in &windows {
        browser.driver.switch_to_window(window.clone()).await?;
        browser.wait_until_live().await?;
        browser.wait_for_text(&value_of(25), &expected(25)).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_connection_is_replaced_without_an_error_from_the_network() -> Result<()> {
    let (system, relay, site) = behind_relay().await?;
    let browser = open(&site, Scripts::On).await?;
    let windows = open_second(&browser, &site).await?;
    // Simulates a lost network, or a computer that slept: nothing ever arrives on the open connections again.
    relay.lose();
    system.api().submit(26).await;
    for window in windows {
        browser.driver.switch_to_window(window).await?;
        browser.wait_for_text(&value_of(26), &expected(26)).await?;
        browser.wait_until_live().await?;
    }
    // And the new connection is alive.
    system.api().submit(27).await;
    browser.wait_for_text(&value_of(27), &expected(27)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_returning_network_or_visitor_replaces_the_connection_at_once() -> Result<()> {
    // The clock is stopped, so that the page cannot notice the silence in another way.
    const OBSERVE: &str = "const now = Date.now(); Date.now = () => now; window.states = [];
        const shown = document.querySelector('[data-connection]');
        new MutationObserver(() => states.push(shown.dataset.connection)).observe(shown, { attributes: true })";
    const NETWORK: &str = "window.dispatchEvent(new Event('online'))";
    // Simulates a computer that slept for a minute.
    const VISITOR: &str = "const now = Date.now(); Date.now = () => now + 60_000;
        document.dispatchEvent(new Event('visibilitychange')); Date.now = () => now";
    let system = Embedded::start().await;
    for (index, event) in [(28, NETWORK), (31, VISITOR)] {
        let browser = open(&format!("{}/", system.url()), Scripts::On).await?;
        // The stream is known to be open once an event has arrived on it.
        system.api().submit(index).await;
        browser.wait_for_text(&value_of(index), &expected(index)).await?;
        browser.driver.execute(OBSERVE, Vec::new()).await?;
        browser.driver.execute(event, Vec::new()).await?;
        browser
            .wait_until("another connection", || async {
                let states = browser.driver.execute("return states", Vec::new()).await?;
                let states: Vec<String> = states.convert()?;
                anyhow::ensure!(states == ["reconnecting", "live"], "{states:?}");
                Ok(Some(()))
            })
            .await
            .context(event)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_tab_hands_the_stream_to_another_one_and_catches_up_later() -> Result<()> {
    let stack = Stack::start().await;
    let site = format!("{}/", stack.url());
    let browser = open(&site, Scripts::On).await?;
    let [first, second] = open_second(&browser, &site).await?;
    browser.driver.switch_to_window(first.clone()).await?;
    freeze(&browser, "frozen").await?;
    browser.driver.switch_to_window(second.clone()).await?;
    stack.api().submit(29).await;
    browser.wait_for_text(&value_of(29), &expected(29)).await.context("in the follower")?;
    browser.wait_until_live().await?;
    browser.driver.switch_to_window(first).await?;
    freeze(&browser, "active").await?;
    browser.wait_for_text(&value_of(29), &expected(29)).await.context("in the tab that was frozen")?;
    browser.wait_until_live().await?;
    // Both receive events again.
    stack.api().submit(30).await;
    browser.wait_for_text(&value_of(30), &expected(30)).await?;
    browser.driver.switch_to_window(second).await?;
    browser.wait_for_text(&value_of(30), &expected(30)).await
}

async fn freeze(browser: &Browser, state: &str) -> Result<()> {
    let state = serde_json::json!({ "state": state });
    browser.driver.cdp().send_raw("Page.setWebLifecycleState", state).await?;
    Ok(())
}

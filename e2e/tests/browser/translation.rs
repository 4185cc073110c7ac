//! The page after the browser has translated it: it still updates.

use anyhow::{Context, Result};
use e2e::{
    Gate, Stack, Worker,
    browser::{Browser, Scripts},
    expected,
};

use crate::{open, value_of};

/// Replaces each text by two nested `<font>` elements, as Google Translate does.
const TRANSLATE: &str = "
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (texts.nextNode()) found.push(texts.currentNode);
    for (const text of found) {
        if (!text.data.trim() || text.parentElement.closest('script, noscript, font')) continue;
        const [outer, inner] = [document.createElement('font'), document.createElement('font')];
        inner.textContent = text.data;
        outer.append(inner);
        text.replaceWith(outer);
    }";

async fn translate(browser: &Browser) -> Result<()> {
    browser.driver.execute(TRANSLATE, Vec::new()).await?;
    Ok(())
}

/// Waits until an element has exactly this text.
async fn wait_for_exact_text(browser: &Browser, selector: &str, text: &str) -> Result<()> {
    browser
        .wait_until(&format!("exactly “{text}” in {selector}"), || async {
            let shown = browser.wait_for(selector).await?.text().await?;
            anyhow::ensure!(shown == text, "it has “{shown}”");
            Ok(Some(()))
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_keeps_updating_in_a_translated_page() -> Result<()> {
    let stack = Stack::builder().workers(0).nginx().start().await;
    let api = stack.api();
    let list = open(&format!("{}/", stack.url()), Scripts::On).await?;
    let row = "li.value[data-index=\"90\"]";
    list.submit("90").await?;
    list.wait_for_text(".answer", "is waiting for a free worker").await?;
    list.wait_for_text(row, "waiting for a free worker").await?;
    let page = open(&format!("{}/values/90", stack.url()), Scripts::On).await?;
    page.wait_for_text(".summary", "waiting for a free worker").await?;

    // A worker's wrong value: a reason appears.
    for browser in [&list, &page] {
        translate(browser).await?;
    }
    stack.redis.set_value("90", "21");
    for (browser, reason) in [(&list, ".answer"), (&list, row), (&page, ".summary")] {
        browser.wait_for_text(reason, "A worker returned").await.context(reason)?;
    }

    // A worker claims it.
    for browser in [&list, &page] {
        translate(browser).await?;
    }
    let gate = Gate::closed();
    let _worker = Worker::start_gated(&stack.settings, &gate);
    wait_for_exact_text(&list, ".answer .sentence", "F(90) is being computed.").await?;
    for (browser, place) in [(&list, row), (&page, ".summary")] {
        wait_for_exact_text(browser, &format!("{place} .status"), "computing").await?;
        browser.wait_for_text(&format!("{place} .facts"), "is on it").await?;
    }

    // It is requested again, and done.
    for browser in [&list, &page] {
        translate(browser).await?;
    }
    api.submit(90).await;
    for (browser, place) in [(&list, row), (&page, ".summary")] {
        browser.wait_for_text(&format!("{place} .facts"), "requested twice").await?;
        translate(browser).await?;
    }
    gate.open();
    wait_for_exact_text(&list, ".answer .sentence", &format!("F(90) = {}", expected(90))).await?;
    wait_for_exact_text(&list, &value_of(90), &expected(90)).await?;
    for (browser, place) in [(&list, row), (&page, ".summary")] {
        wait_for_exact_text(browser, &format!("{place} .status"), "done").await?;
        browser.wait_for_text(&format!("{place} .facts"), "computed in").await?;
    }
    page.wait_for_text(".full-value", "120").await?;
    page.wait_for("tr[data-step=delivered][data-reached=true]").await?;
    let delivered = "tr[data-step=delivered] td:nth-of-type(2)";
    translate(&page).await?;
    api.submit(90).await;
    page.wait_for_text(".summary .facts", "requested 3 times").await?;
    page.wait_for_text(delivered, "+").await?;
    page.assert_no_csp_violation().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_and_the_connection_state_keep_updating_in_a_translated_page() -> Result<()> {
    let mut stack = Stack::start().await;
    let browser = open(&format!("{}/", stack.url()), Scripts::On).await?;
    translate(&browser).await?;
    for (typed, message) in
        [("seven", "“seven” isn’t a whole number"), ("-5", "Negative numbers aren’t allowed")]
    {
        browser.submit(typed).await?;
        browser.wait_for_text("#index-mistake", message).await?;
        translate(&browser).await?;
    }
    assert!(
        !browser.wait_for("#index-mistake").await?.text().await?.contains("seven"),
        "the old message is gone"
    );

    stack.server.kill();
    wait_for_exact_text(&browser, ".connection", "reconnecting…").await?;
    browser.submit("7").await?;
    browser.wait_for(".trouble strong").await?;
    wait_for_exact_text(&browser, "#index-mistake", "").await?;
    translate(&browser).await?;
    stack.server.restart().await;
    stack.api().ready().await;
    wait_for_exact_text(&browser, ".connection", "live").await?;
    browser.submit("7").await?;
    wait_for_exact_text(&browser, ".trouble", "").await?;
    browser.wait_for_text(".answer", "F(7) = 13").await?;
    // A long entry added to a translated list.
    translate(&browser).await?;
    browser.submit("8").await?;
    wait_for_exact_text(&browser, ".answer .sentence", "F(8) = 21").await?;
    wait_for_exact_text(&browser, &value_of(8), "21").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_translated_before_its_scripts_run_comes_to_life() -> Result<()> {
    let stack = Stack::start().await;
    stack.api().submit(7).await;
    stack.api().value(7).await;
    let browser = Browser::start(Scripts::On).await?;
    let early = format!(
        "document.addEventListener('readystatechange', () => {{
            if (document.readyState === 'interactive') {{ {TRANSLATE} window.translated = found.length; }}
        }})"
    );
    let script = serde_json::json!({ "source": early });
    browser.driver.cdp().send_raw("Page.addScriptToEvaluateOnNewDocument", script).await?;
    for address in ["/values/7", "/"] {
        browser.driver.goto(format!("{}{address}", stack.url())).await?;
        browser.wait_until_live().await.context(address)?;
        let translated = browser.driver.execute("return window.translated", Vec::new()).await?;
        assert!(translated.convert::<u64>()? > 10, "the page was translated");
    }
    browser.submit("9").await?;
    wait_for_exact_text(&browser, ".answer .sentence", "F(9) = 34").await?;
    wait_for_exact_text(&browser, &value_of(7), &expected(7)).await
}

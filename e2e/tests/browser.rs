//! The page in a real Chromium, served by the real binaries.

mod browser {
    mod connection;
    pub(crate) mod download;
    mod translation;
}

use anyhow::{Context, Result, ensure};
use e2e::{
    Client, Embedded, Server, Settings, Stack,
    browser::{Browser, Scripts},
    expected,
};
use thirtyfour::prelude::*;
use throwaway::Folder;

/// Returns the selector of the value of an index in the list.
fn value_of(index: u32) -> String {
    format!("li.value[data-index=\"{index}\"] .brief-value")
}

async fn open(site: &str, scripts: Scripts) -> Result<Browser> {
    let browser = Browser::start(scripts).await?;
    browser.driver.goto(site).await?;
    if scripts == Scripts::On {
        browser.wait_until_live().await?;
    }
    Ok(browser)
}

/// Returns the text of the value on the page of one value.
async fn full_value(browser: &Browser) -> Result<String> {
    Ok(browser.wait_for(".full-value").await?.prop("textContent").await?.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submitted_index_shows_its_value_without_a_reload_or_a_csp_violation() -> Result<()> {
    let system = Embedded::start().await;
    let browser = open(&format!("{}/", system.url()), Scripts::On).await?;
    // A reload would clear this.
    browser.driver.execute("window.sameDocument = true", Vec::new()).await?;
    browser.submit("10").await?;
    browser.wait_for_text(&value_of(10), &expected(10)).await?;
    browser.wait_for_text(".answer", &expected(10)).await?;
    browser.wait_for("a.index[href=\"/values/10\"]").await?;
    let same = browser.driver.execute("return window.sameDocument === true", Vec::new()).await?;
    ensure!(same.convert::<bool>()?, "the page was reloaded");
    let field = browser.wait_for("input[name=index]").await?;
    assert_eq!(field.prop("value").await?.as_deref(), Some(""), "the field is cleared for the next index");
    for (page, live) in
        [("/", true), ("/values/10", true), ("/values/11", false), ("/otherpage", false), ("/nowhere", false)]
    {
        browser.driver.goto(format!("{}{page}", system.url())).await?;
        if live {
            browser.wait_until_live().await.context(page)?;
        }
        browser.assert_no_csp_violation().await.context(page)?;
    }
    // Prove that the check works: cause a violation, which it must report.
    browser
        .driver
        .execute(
            "document.body.append(Object.assign(document.createElement('style'), { textContent: 'p {}' }))",
            Vec::new(),
        )
        .await?;
    assert_eq!(browser.csp_violations().await?.len(), 1, "an inline style is reported as a violation");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn seven_tabs_show_what_someone_else_submits() -> Result<()> {
    const WINDOWS: usize = 7;
    let system = Embedded::start().await;
    let browser = open(&format!("{}/", system.url()), Scripts::On).await?;
    let driver = &browser.driver;
    while driver.windows().await?.len() < WINDOWS {
        let window = driver.new_window().await?;
        driver.switch_to_window(window).await?;
        driver.goto(format!("{}/", system.url())).await?;
        browser.wait_until_live().await?;
    }
    // Someone else submits; no tab is reloaded.
    system.api().submit(20).await;
    for window in driver.windows().await? {
        driver.switch_to_window(window).await?;
        browser.wait_for_text(&value_of(20), &expected(20)).await?;
    }
    // Each tab can submit too, and the others show it.
    for (window, index) in driver.windows().await?.into_iter().zip(30_u32..) {
        driver.switch_to_window(window).await?;
        browser.submit(&index.to_string()).await?;
        browser.wait_for(&value_of(index)).await?;
    }
    for window in driver.windows().await? {
        driver.switch_to_window(window).await?;
        browser.wait_for_text(&value_of(36), &expected(36)).await?;
        browser.assert_no_csp_violation().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_submissions_is_shown_in_full_and_in_order() -> Result<()> {
    const SHOWN: &str = "return [...document.querySelectorAll('li.value')]
        .filter(row => row.querySelector('.brief-value')).map(row => Number(row.dataset.index))";
    let system = Embedded::start().await;
    let api = system.api();
    let browser = open(&format!("{}/", system.url()), Scripts::On).await?;
    futures::future::join_all((1..=150).map(|index| api.submit(index))).await;
    let page = api.get("/values?limit=99").await.expect(200).json();
    let newest: Vec<_> =
        page.as_array().context("a page")?.iter().map(|entry| entry["index"].clone()).collect();
    browser
        .wait_until("the values of the newest 99 indexes", || async {
            let shown = browser.driver.execute(SHOWN, Vec::new()).await?;
            Ok((shown.json().as_array() == Some(&newest)).then_some(()))
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tab_takes_over_when_the_tab_with_the_stream_is_closed() -> Result<()> {
    let system = Embedded::start().await;
    let browser = open(&format!("{}/", system.url()), Scripts::On).await?;
    let driver = &browser.driver;
    let leader = driver.window().await?;
    let other = driver.new_window().await?;
    driver.switch_to_window(other.clone()).await?;
    driver.goto(format!("{}/", system.url())).await?;
    browser.wait_until_live().await?;
    driver.switch_to_window(leader).await?;
    driver.close_window().await?;
    driver.switch_to_window(other).await?;
    system.api().submit(21).await;
    browser.wait_for_text(&value_of(21), &expected(21)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_is_shown_below_the_field_and_nothing_is_sent() -> Result<()> {
    let system = Embedded::start().await;
    let browser = open(&format!("{}/", system.url()), Scripts::On).await?;
    for (typed, message) in [
        ("-5", "Negative numbers aren’t allowed"),
        ("5.9", "Fractions aren’t allowed"),
        ("7.0", "without a decimal point"),
        ("seven", "isn’t a whole number"),
        ("7, 8", "“7, 8” isn’t a whole number"),
        ("1e3", "“1e3” must be written out"),
        ("1\u{200b}0", "“1⟨U+200B⟩0” contains an invisible character"),
        ("７", "“７” must be written with the digits 0 to 9"),
        ("10000001", "this site goes up to 10,000,000"),
    ] {
        browser.submit(typed).await?;
        browser.wait_for_text("#index-mistake", message).await?;
        browser.wait_for("input[name=index][aria-invalid=true]").await?;
    }
    assert!(system.api().all().await.is_empty(), "nothing was sent");
    // A valid index clears the mistake.
    for (typed, index) in
        [(" 007 ", 7), ("\u{200b}8", 8), ("1,000", 1_000), ("1 001", 1_001), ("1’002", 1_002)]
    {
        browser.submit(typed).await?;
        browser.wait_for(&value_of(index)).await.context(typed)?;
        assert_eq!(browser.wait_for("#index-mistake").await?.text().await?, "");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_rejected_by_the_server_is_explained_below_the_field() -> Result<()> {
    let folder = Folder::new("embedded")?;
    let settings = Settings::embedded(folder.path());
    let mut server = Server::start(&settings).await;
    let browser = open(&format!("http://{}/", server.site_addr()), Scripts::On).await?;
    // The page still has the old maximum.
    server.kill();
    let lower = settings.set("SITE_ADDR", server.site_addr()).set("MAX_INDEX", 50);
    let _server = Server::start(&lower).await;
    browser.submit("51").await?;
    browser.wait_for_text("#index-mistake", "this site goes up to 50").await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_works_without_scripts() -> Result<()> {
    let system = Embedded::start().await;
    let browser = open(&format!("{}/", system.url()), Scripts::Off).await?;
    browser.submit("12").await?;
    // The page reloads itself until the value is there.
    browser.wait_for_text(".answer", &expected(12)).await?;
    browser.wait_for_text(&value_of(12), &expected(12)).await?;
    browser.submit("twelve").await?;
    browser.wait_for_text("#index-mistake", "isn’t a whole number").await?;
    let field = browser.wait_for("input[name=index]").await?;
    assert_eq!(field.attr("value").await?.as_deref(), Some("twelve"), "the text in the field is kept");
    browser.submit("").await?;
    browser.wait_for_text("#index-mistake", "Enter a whole number").await?;
    browser.driver.goto(format!("{}/values/13", system.url())).await?;
    browser.wait_for("form button[type=submit]").await?.click().await?;
    browser.wait_for_text(".answer", &expected(13)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_older_entries_link_in_both_directions() -> Result<()> {
    let system = Embedded::start().await;
    for index in 1..=45 {
        system.api().submit(index).await;
    }
    let browser = Browser::start(Scripts::On).await?;
    browser.driver.goto(format!("{}/", system.url())).await?;
    for (link, newest, oldest) in [
        ("Older", 25, 6),
        ("Older", 5, 1),
        ("Newer", 25, 6),
        ("Newer", 45, 26),
        ("Older", 25, 6),
        ("Newest", 45, 26),
    ] {
        browser.driver.find(By::LinkText(link)).await?.click().await?;
        browser
            .wait_for(&format!("ul.indexes li:first-child a[href=\"/values/{newest}\"]"))
            .await
            .context(link)?;
        browser
            .wait_for(&format!("ul.indexes li:last-child a[href=\"/values/{oldest}\"]"))
            .await
            .context(link)?;
    }
    // There are no newer entries.
    browser.wait_until_live().await?;
    let link = browser.driver.find_all(By::LinkText("Newer")).await?;
    assert!(link.is_empty(), "a hidden link is not found by its text");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_number_shows_its_two_ends_and_can_be_downloaded() -> Result<()> {
    let system = Embedded::start().await;
    let browser = open(&format!("{}/", system.url()), Scripts::On).await?;
    browser.submit("1000000").await?;
    browser.wait_for("li.value[data-index=\"1000000\"] .status[data-status=done]").await?;
    browser.driver.goto(format!("{}/values/1000000", system.url())).await?;
    let shown = full_value(&browser).await?;
    let value = expected(1_000_000);
    let (head, tail) = (&value[..10], &value[value.len() - 10..]);
    ensure!(shown.starts_with(head) && shown.trim_end().ends_with(tail), "{shown}");
    browser.wait_for_text("main", "208,988 digits").await?;
    let folder = Folder::new("downloads")?;
    browser.save_downloads_to(folder.path()).await?;
    browser.driver.find(By::LinkText("Download")).await?.click().await?;
    ensure!(browser::download::downloaded(folder.path(), "F(1000000).txt").await == value, "other digits");
    // A shorter one is shown in full.
    system.api().submit(100).await;
    browser.driver.goto(format!("{}/values/100", system.url())).await?;
    browser.wait_for(".status[data-status=done]").await?;
    assert_eq!(full_value(&browser).await?.trim(), expected(100));
    browser.wait_for("tr[data-step=delivered][data-reached=true]").await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_loaded_directly_and_an_unknown_one_is_not_found() -> Result<()> {
    let system = Embedded::start().await;
    for (page, status) in
        [("/", 200), ("/otherpage", 200), ("/values/7", 404), ("/values/x", 404), ("/nowhere", 404)]
    {
        let _ = Client::new(system.url()).get(page).await.expect(status);
    }
    let browser = Browser::start(Scripts::On).await?;
    browser.driver.goto(format!("{}/otherpage", system.url())).await?;
    browser.wait_for_text("main", "Back to all numbers").await?;
    browser.driver.find(By::LinkText("Back to all numbers")).await?.click().await?;
    browser.wait_for("input[name=index]").await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_with_a_slash_at_its_end_redirects_only_within_the_site() -> Result<()> {
    let system = Embedded::start().await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    for (address, location) in [
        ("/values/7/", "/values/7"),
        ("/values/7/?a=b&c=//d", "/values/7?a=b&c=//d"),
        ("/otherpage/", "/otherpage"),
    ] {
        let response = client.get(format!("{}{address}", system.url())).send().await?;
        assert_eq!(response.status(), 308, "{address}");
        assert_eq!(response.headers()["location"], location, "{address}");
    }
    for address in ["//evil.example/", "//evil.example", "/values//evil.example/", "/nowhere/"] {
        let response = client.get(format!("{}{address}", system.url())).send().await?;
        assert_eq!(response.status(), 404, "{address}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_catches_up_after_the_server_was_restarted() -> Result<()> {
    let mut system = Embedded::start().await;
    let browser = open(&format!("{}/", system.url()), Scripts::On).await?;
    system.server.kill();
    browser.wait_for("[data-connection=reconnecting]").await?;
    system.server.restart().await;
    // The server listens before its database is ready.
    system.api().ready().await;
    // The page has not reconnected yet: it must fetch this entry, since it missed the event.
    system.api().submit(25).await;
    browser.wait_for_text(&value_of(25), "75025").await?;
    browser.wait_until_live().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_stack_behind_nginx_serves_the_page_live() -> Result<()> {
    let stack = Stack::start().await;
    let browser = open(&stack.url(), Scripts::On).await?;
    browser.submit("90").await?;
    browser.wait_for_text(&value_of(90), "2880067194370816120").await?;
    stack.api().submit(91).await;
    browser.wait_for_text(&value_of(91), "4660046610375530309").await?;
    browser.assert_no_csp_violation().await
}

//! The page, in a real Chromium, against the real binaries.

use anyhow::{Context, Result, ensure};
use e2e::{
    Client, Embedded, Server, Settings, Stack,
    browser::{Browser, Scripts},
};
use thirtyfour::prelude::*;
use throwaway::Folder;

/// The digits shown for an index in the list of values.
fn digits_of(index: u32) -> String {
    format!("li.value[data-index=\"{index}\"] .digits")
}

async fn open(site: &str, scripts: Scripts) -> Result<Browser> {
    let browser = Browser::start(scripts).await?;
    browser.driver.goto(site).await?;
    if scripts == Scripts::On {
        browser.wait_until_live().await?;
    }
    Ok(browser)
}

/// The text of the digits on a page of one value, without what only sets the groups apart.
async fn figure(browser: &Browser) -> Result<String> {
    Ok(browser.wait_for(".figure").await?.prop("textContent").await?.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submitted_index_gets_its_value_without_a_reload_and_without_a_csp_violation() -> Result<()> {
    let system = Embedded::start().await;
    let browser = open(&format!("{}/", system.url()), Scripts::On).await?;
    // Lost by a reload.
    browser.driver.execute("window.sameDocument = true", Vec::new()).await?;
    browser.submit("10").await?;
    browser.wait_for_text(&digits_of(10), "55").await?;
    browser.wait_for_text(".answer", "55").await?;
    browser.wait_for("a.index[href=\"/values/10\"]").await?;
    let same = browser.driver.execute("return window.sameDocument === true", Vec::new()).await?;
    ensure!(same.convert::<bool>()?, "the page was loaded again");
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
    // The check itself can fail: what the policy forbids is seen.
    browser
        .driver
        .execute(
            "document.body.append(Object.assign(document.createElement('style'), { textContent: 'p {}' }))",
            Vec::new(),
        )
        .await?;
    assert_eq!(browser.csp_violations().await?.len(), 1, "an inline style is a violation that is seen");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn seven_windows_work_at_once_and_all_see_what_someone_else_submits() -> Result<()> {
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
    // Someone else submits; nobody is asked to look again.
    system.api().submit(20).await;
    for window in driver.windows().await? {
        driver.switch_to_window(window).await?;
        browser.wait_for_text(&digits_of(20), "6765").await?;
    }
    // Each window can submit, too, and the others see it.
    for (window, index) in driver.windows().await?.into_iter().zip(30_u32..) {
        driver.switch_to_window(window).await?;
        browser.submit(&index.to_string()).await?;
        browser.wait_for(&digits_of(index)).await?;
    }
    for window in driver.windows().await? {
        driver.switch_to_window(window).await?;
        browser.wait_for_text(&digits_of(36), "14930352").await?;
        browser.assert_no_csp_violation().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_that_holds_the_stream_may_close_and_the_others_go_on() -> Result<()> {
    let system = Embedded::start().await;
    let browser = open(&format!("{}/", system.url()), Scripts::On).await?;
    let driver = &browser.driver;
    let holder = driver.window().await?;
    let other = driver.new_window().await?;
    driver.switch_to_window(other.clone()).await?;
    driver.goto(format!("{}/", system.url())).await?;
    browser.wait_until_live().await?;
    driver.switch_to_window(holder).await?;
    driver.close_window().await?;
    driver.switch_to_window(other).await?;
    system.api().submit(21).await;
    browser.wait_for_text(&digits_of(21), "10946").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_is_said_beside_the_field_before_anything_is_sent() -> Result<()> {
    let system = Embedded::start().await;
    let browser = open(&format!("{}/", system.url()), Scripts::On).await?;
    for (typed, said) in [
        ("-5", "negative"),
        ("5.9", "fraction"),
        ("seven", "not a whole number"),
        ("1000001", "highest index computed here is 1,000,000"),
    ] {
        browser.submit(typed).await?;
        browser.wait_for_text("#index-mistake", said).await?;
        browser.wait_for("input[name=index][aria-invalid=true]").await?;
    }
    assert!(system.api().all().await.is_empty(), "nothing was sent");
    // A mistake goes away with a right index.
    browser.submit(" 007 ").await?;
    browser.wait_for_text(&digits_of(7), "13").await?;
    assert_eq!(browser.wait_for("#index-mistake").await?.text().await?, "");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_refuses_is_said_beside_the_field() -> Result<()> {
    let folder = Folder::new("embedded")?;
    let settings = Settings::embedded(folder.path());
    let mut server = Server::start(&settings).await;
    let browser = open(&format!("http://{}/", server.site_addr()), Scripts::On).await?;
    // The page still goes by the old maximum.
    server.kill();
    let lower = settings.set("SITE_ADDR", server.site_addr()).set("MAX_INDEX", 50);
    let _server = Server::start(&lower).await;
    browser.submit("51").await?;
    browser.wait_for_text("#index-mistake", "highest index computed here is 50").await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_works_with_scripts_off() -> Result<()> {
    let system = Embedded::start().await;
    let browser = open(&format!("{}/", system.url()), Scripts::Off).await?;
    browser.submit("12").await?;
    // The page that comes back refreshes itself until the value is there.
    browser.wait_for_text(".answer", "144").await?;
    browser.wait_for_text(&digits_of(12), "144").await?;
    browser.submit("twelve").await?;
    browser.wait_for_text("#index-mistake", "not a whole number").await?;
    let field = browser.wait_for("input[name=index]").await?;
    assert_eq!(field.attr("value").await?.as_deref(), Some("twelve"), "what was typed is kept");
    browser.submit("").await?;
    browser.wait_for_text("#index-mistake", "Enter an index").await?;
    browser.driver.goto(format!("{}/values/13", system.url())).await?;
    browser.wait_for("form button[type=submit]").await?.click().await?;
    browser.wait_for_text(".answer", "233").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_number_shows_its_two_ends_and_can_be_downloaded() -> Result<()> {
    let system = Embedded::start().await;
    let browser = open(&format!("{}/", system.url()), Scripts::On).await?;
    browser.submit("1000000").await?;
    browser.wait_for("li.value[data-index=\"1000000\"] .state[data-status=done]").await?;
    browser.driver.goto(format!("{}/values/1000000", system.url())).await?;
    let shown = figure(&browser).await?;
    ensure!(shown.starts_with("1953282128"), "{shown}");
    ensure!(shown.trim_end().ends_with("8242546875"), "{shown}");
    browser.wait_for_text("main", "208,988 digits").await?;
    let link = browser.wait_for("a[download]").await?.prop("href").await?.unwrap_or_default();
    let path = link.strip_prefix(system.api().base()).with_context(|| link.clone())?;
    let digits = system.api().get(path).await.expect(200).body;
    assert_eq!(digits.len(), 208_988);
    // A shorter one stands there in full.
    system.api().submit(100).await;
    browser.driver.goto(format!("{}/values/100", system.url())).await?;
    browser.wait_for(".state[data-status=done]").await?;
    assert_eq!(figure(&browser).await?.trim(), "354224848179261915075");
    browser.wait_for("tr[data-station=delivered][data-reached=true]").await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_loaded_directly_and_unknown_ones_say_so() -> Result<()> {
    let system = Embedded::start().await;
    for (page, status) in
        [("/", 200), ("/otherpage", 200), ("/values/7", 404), ("/values/x", 404), ("/nowhere", 404)]
    {
        let _ = Client::new(system.url()).get(page).await.expect(status);
    }
    let browser = Browser::start(Scripts::On).await?;
    browser.driver.goto(format!("{}/otherpage", system.url())).await?;
    browser.wait_for_text("main", "Go back home").await?;
    browser.driver.find(By::LinkText("Go back home")).await?.click().await?;
    browser.wait_for("input[name=index]").await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_server_was_away_the_page_catches_up_by_itself() -> Result<()> {
    let mut system = Embedded::start().await;
    let browser = open(&format!("{}/", system.url()), Scripts::On).await?;
    system.server.kill();
    browser.wait_for("[data-connection=reconnecting]").await?;
    system.server.restart().await;
    // It listens before it has its database.
    system.api().ready().await;
    // Before the page is back on the stream: it has to look, not only to listen.
    system.api().submit(25).await;
    browser.wait_for_text(&digits_of(25), "75025").await?;
    browser.wait_until_live().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_stack_behind_nginx_serves_the_page_live() -> Result<()> {
    let stack = Stack::start().await;
    let browser = open(&stack.url(), Scripts::On).await?;
    browser.submit("90").await?;
    browser.wait_for_text(&digits_of(90), "2880067194370816120").await?;
    stack.api().submit(91).await;
    browser.wait_for_text(&digits_of(91), "4660046610375530309").await?;
    browser.assert_no_csp_violation().await
}

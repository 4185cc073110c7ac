//! The journey of a visitor, on the port that is published.

use anyhow::{Context, Result, ensure};
use e2e::{
    Client, Compose,
    browser::{Browser, Scripts},
    engine::{Container, image},
    eventually,
};
use reqwest::header::{CACHE_CONTROL, CONTENT_ENCODING};
use throwaway::process::free_port;

/// Submits 100 and follows its value to the page of its own.
async fn journey(url: &str) -> Result<()> {
    let browser = Browser::start(Scripts::On).await?;
    browser.driver.goto(url).await?;
    browser.wait_until_live().await?;
    browser.submit("100").await?;
    browser.wait_for_text("li.value[data-index=\"100\"] .brief-value", "354224848179261915075").await?;
    for page in ["/", "/values/100", "/otherpage"] {
        browser.driver.goto(format!("{url}{page}")).await?;
        browser.assert_no_csp_violation().await.context(page)?;
    }
    browser.driver.goto(format!("{url}/values/100")).await?;
    let value = browser.wait_for(".full-value").await?.prop("textContent").await?.unwrap_or_default();
    ensure!(value == "354224848179261915075", "{value}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_gets_a_number_through_the_published_port() -> Result<()> {
    let stack = Compose::production().await;
    journey(&stack.url()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_compressed_and_for_ever_and_the_operators_pages_do_not_come() {
    let stack = Compose::production().await;
    let site = Client::new(stack.url());
    let page = site.get("/").await.expect(200);
    let script =
        page.body.split('"').find(|part| part.starts_with("/pkg/") && part.ends_with(".js")).unwrap();
    let asset = site.get_with(script, reqwest::header::ACCEPT_ENCODING, "br").await.expect(200);
    assert_eq!(asset.header(CONTENT_ENCODING), "br", "{asset:?}");
    assert_eq!(asset.header(CACHE_CONTROL), "public, max-age=31536000, immutable");
    println!("GET /\n{:#?}\nGET {script}\n{:#?}", page.headers, asset.headers);
    assert_eq!(stack.api().get("/metrics").await.expect_problem(404).title, "Not found");
    // Hot reload is for development.
    for (path, status) in [("/live_reload", 404), ("/nginx-health", 200)] {
        assert_eq!(site.get(path).await.status, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_image_alone_is_the_whole_system_when_told_so() -> Result<()> {
    let port = free_port()?;
    let published = format!("--publish=127.0.0.1:{port}:3000");
    let server = Container::start(&[&published, "--env=EMBEDDED=true", "--memory=128m", &image("server")]);
    let url = format!("http://127.0.0.1:{port}");
    Client::new(format!("{url}/api")).ready().await;
    journey(&url).await.with_context(|| server.log())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_image_is_never_embedded_by_accident() {
    let server = Container::start(&[&image("server")]);
    eventually("it ends", || async {
        match e2e::engine::inspect(server.name(), "{{.State.Status}} {{.State.ExitCode}}") {
            state if state == "exited 2" => Ok(()),
            other => Err(other),
        }
    })
    .await;
    assert!(server.log().contains("PGHOST"), "{}", server.log());
}

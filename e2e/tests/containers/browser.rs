//! A visit through the published port.

use anyhow::{Context, Result, ensure};
use e2e::{
    Client, Compose,
    browser::{Browser, Scripts},
    engine::{Container, image},
    eventually, expected,
};
use reqwest::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING};
use throwaway::process::free_port;

/// Limit on a first view with islands: HTML, style sheet, JavaScript and WASM, compressed.
const FIRST_VIEW_BYTES: usize = 140_000;
/// Limit on a first view without islands.
const PLAIN_VIEW_BYTES: usize = 10_000;

/// Submits 100 and opens the page of its value.
async fn visit(url: &str) -> Result<()> {
    let browser = Browser::start(Scripts::On).await?;
    browser.driver.goto(url).await?;
    browser.wait_until_live().await?;
    browser.submit("100").await?;
    browser.wait_for_text("li.value[data-index=\"100\"] .brief-value", &expected(100)).await?;
    for page in ["/", "/values/100", "/otherpage"] {
        browser.driver.goto(format!("{url}{page}")).await?;
        browser.assert_no_csp_violation().await.context(page)?;
    }
    browser.driver.goto(format!("{url}/values/100")).await?;
    let value = browser.wait_for(".full-value").await?.prop("textContent").await?.unwrap_or_default();
    ensure!(value == expected(100), "{value}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_gets_a_number_through_the_published_port() -> Result<()> {
    let stack = Compose::production().await;
    visit(&stack.url()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn assets_are_compressed_and_immutable_and_metrics_are_hidden() {
    let stack = Compose::production().await;
    let site = Client::new(stack.url());
    let page = site.get("/").await.expect(200);
    let script =
        page.body.split('"').find(|part| part.starts_with("/pkg/") && part.ends_with(".js")).unwrap();
    let asset = site.get_with(script, ACCEPT_ENCODING, "br").await.expect(200);
    assert_eq!(asset.header(CONTENT_ENCODING), "br", "{asset:?}");
    assert_eq!(asset.header(CACHE_CONTROL), "public, max-age=31536000, immutable");
    println!("GET /\n{:#?}\nGET {script}\n{:#?}", page.headers, asset.headers);
    assert_eq!(stack.api().get("/metrics").await.expect_problem(404).title, "Not found");
    // Hot reload exists only in development.
    for (path, status) in [("/live_reload", 404), ("/nginx-health", 200)] {
        assert_eq!(site.get(path).await.status, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_image_runs_the_whole_system_if_embedded() -> Result<()> {
    let port = free_port()?;
    let published = format!("--publish=127.0.0.1:{port}:3000");
    let server = Container::start(&[&published, "--env=EMBEDDED=true", "--memory=128m", &image("server")]);
    let url = format!("http://127.0.0.1:{port}");
    Client::new(format!("{url}/api")).ready().await;
    visit(&url).await.with_context(|| server.log())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_image_is_never_embedded_by_accident() {
    let server = Container::start(&[&image("server")]);
    eventually("the container exits with 2", || async {
        match e2e::engine::inspect(server.name(), "{{.State.Status}} {{.State.ExitCode}}") {
            state if state == "exited 2" => Ok(()),
            other => Err(other),
        }
    })
    .await;
    assert!(server.log().contains("PGHOST"), "{}", server.log());
}

/// Returns the bytes of each response of a first view, compressed with brotli: the page, then the files that it loads.
async fn first_view(site: &Client, page: &str) -> Vec<(String, usize)> {
    let html = site.get(page).await.body;
    let files = html.split('"').filter(|part| part.starts_with("/pkg/")).map(str::to_owned);
    let mut paths: Vec<_> = std::iter::once(page.to_owned()).chain(files).collect();
    paths.dedup();
    let mut view = Vec::new();
    for path in paths {
        let request = site.request(reqwest::Method::GET, &path).header(ACCEPT_ENCODING, "br");
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()[CONTENT_ENCODING], "br", "{path}");
        view.push((path, response.bytes().await.unwrap().len()));
    }
    view
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_view_fits_its_budget_and_pages_without_islands_load_no_scripts() {
    let stack = Compose::production().await;
    for index in 1..=20 {
        stack.api().submit(index).await;
    }
    let site = Client::new(stack.url());
    for (page, files, budget) in
        [("/", 3, FIRST_VIEW_BYTES), ("/values/20", 3, FIRST_VIEW_BYTES), ("/otherpage", 1, PLAIN_VIEW_BYTES)]
    {
        let view = first_view(&site, page).await;
        let total: usize = view.iter().map(|(_, bytes)| bytes).sum();
        println!("{page}: {total} bytes: {view:?}");
        assert_eq!(view.len(), 1 + files, "{view:?}");
        assert!(total <= budget, "{page}: {total} bytes exceed the budget of {budget}: {view:?}");
    }
}

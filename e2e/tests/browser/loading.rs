//! The files and data that a page loads.

use anyhow::{Result, ensure};
use e2e::{
    Embedded,
    browser::{Browser, Scripts},
};

use crate::{open, value_of};

/// Returns the paths of the files and responses that the page has loaded so far.
async fn loaded(browser: &Browser) -> Result<Vec<String>> {
    let script = "return performance.getEntriesByType('resource').map(entry => {
        const url = new URL(entry.name);
        return url.pathname + url.search;
    })";
    Ok(browser.driver.execute(script, Vec::new()).await?.convert()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_fetched_once_per_load_even_by_a_second_tab() -> Result<()> {
    let system = Embedded::start().await;
    system.api().submit(20).await;
    let site = format!("{}/", system.url());
    let browser = open(&site, Scripts::On).await?;
    for index in [21, 22] {
        system.api().submit(index).await;
        // An event has arrived, so the stream has been open for long.
        browser.wait_for_text(&value_of(index), "1").await?;
        let fetches: Vec<_> =
            loaded(&browser).await?.into_iter().filter(|path| path.starts_with("/api/values?")).collect();
        ensure!(fetches == ["/api/values?limit=21"], "{fetches:?}");
        let second = browser.driver.new_window().await?;
        browser.driver.switch_to_window(second).await?;
        browser.driver.goto(&site).await?;
        browser.wait_until_live().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_islands_loads_no_scripts() -> Result<()> {
    let system = Embedded::start().await;
    let browser = Browser::start(Scripts::On).await?;
    for page in ["/otherpage", "/nowhere", "/values/7", "/values/seven"] {
        browser.driver.goto(format!("{}{page}", system.url())).await?;
        browser.wait_for("h1").await?;
        let modules = "return document.querySelectorAll('script[type=module], link[as=fetch]').length";
        let modules = browser.driver.execute(modules, Vec::new()).await?;
        let loaded = loaded(&browser).await?;
        let is_script = |path: &String| path.ends_with(".js") || path.ends_with(".wasm");
        ensure!(modules.convert::<u64>()? == 0 && !loaded.iter().any(is_script), "{page}: {loaded:?}");
        ensure!(loaded.iter().any(|path| path.ends_with(".css")), "{page}: {loaded:?}");
    }
    Ok(())
}

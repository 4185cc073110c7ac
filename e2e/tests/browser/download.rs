//! Downloads: a file contains the digits and nothing else.

use std::{fs, path::Path};

use anyhow::Result;
use e2e::{
    Client, Embedded, Stack,
    browser::{Browser, Scripts},
    eventually, expected,
};
use protocol::Status;
use throwaway::Folder;

/// Waits for a file, and checks that it is the only one.
pub(crate) async fn downloaded(folder: &Path, name: &str) -> String {
    let text = eventually(format!("{name} was downloaded"), || async {
        fs::read_to_string(folder.join(name)).map_err(|error| format!("{error}: {:?}", files(folder)))
    })
    .await;
    assert_eq!(files(folder), [name]);
    text
}

fn files(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).expect("the folder exists").flatten();
    files.map(|file| file.file_name().to_string_lossy().into_owned()).collect()
}

async fn a_value_the_board_has_lost(scripts: Scripts) -> Result<()> {
    let mut system = Embedded::start().await;
    system.api().submit(100_000).await;
    system.api().entry_at(100_000, Status::Done).await;
    // In-process, the Board is lost with the process: the value must be computed again.
    system.server.restart().await;
    system.api().ready().await;
    let folder = Folder::new("downloads")?;
    let browser = Browser::start(scripts).await?;
    browser.save_downloads_to(folder.path()).await?;
    browser.driver.goto(format!("{}/values/100000", system.url())).await?;
    browser.wait_for("a.button[href=\"/values/100000/digits\"]").await?.click().await?;
    assert_eq!(downloaded(folder.path(), "F(100000).txt").await, expected(100_000));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_download_of_a_value_that_the_board_has_lost_waits_for_it() -> Result<()> {
    a_value_the_board_has_lost(Scripts::On).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_download_waits_without_scripts_too() -> Result<()> {
    a_value_the_board_has_lost(Scripts::Off).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_without_a_file_shows_a_page_with_the_reason() -> Result<()> {
    let mut stack = Stack::builder().workers(0).nginx().start().await;
    stack.api().submit(100_000).await;
    let site = Client::new(stack.url());
    // Pending: the page reloads itself until the value is there.
    let page = site.get("/values/100000/digits").await.expect(200);
    assert!(page.body.contains("F(100000) isn’t ready yet"), "{}", page.body);
    assert!(page.body.contains("<meta http-equiv=\"refresh\""), "{}", page.body);
    for (address, status, words) in [
        ("/values/100001/digits", 404, "Nobody has asked for this one yet"),
        ("/values/20000000/digits", 404, "this site goes up to 10,000,000"),
        ("/values/seven/digits", 404, "isn’t a whole number"),
    ] {
        let page = site.get(address).await.expect(status);
        assert!(page.body.contains(words), "{address}: {}", page.body);
    }
    let folder = Folder::new("downloads")?;
    let browser = Browser::start(Scripts::On).await?;
    browser.save_downloads_to(folder.path()).await?;
    stack.server.kill();
    browser.driver.goto(format!("{}/values/100000/digits", stack.url())).await?;
    browser.wait_for_text("body", "Back in a moment").await?;
    assert_eq!(files(folder.path()), [""; 0]);
    stack.server.restart().await;
    browser.wait_for_text("main", "F(100000) isn’t ready yet").await
}

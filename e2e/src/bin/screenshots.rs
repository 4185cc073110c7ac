//! Replaces `docs/screenshots`. Run by `cargo xtask screenshots`, which builds everything first.

use std::path::Path;

use anyhow::Result;
use e2e::{
    Embedded,
    browser::{Browser, ColorScheme, Scripts},
};
use protocol::Status;

/// The pages; true for those that show the state of the live connection.
const PAGES: [(&str, &str, bool); 4] = [
    ("home", "/", true),
    ("value", "/values/1000", true),
    ("otherpage", "/otherpage", false),
    ("error", "/?index=seven", true),
];

#[tokio::main]
async fn main() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/screenshots");
    let system = Embedded::start().await;
    for index in [7, 100, 100_000, 1_000, 93] {
        system.api().submit(index).await;
        system.api().entry_at(index, Status::Done).await;
    }
    let browser = Browser::start(Scripts::On).await?;
    for width in [1280, 390] {
        for (scheme, suffix) in [(ColorScheme::Light, "light"), (ColorScheme::Dark, "dark")] {
            browser.emulate(width, scheme).await?;
            for (name, page, live) in PAGES {
                browser.driver.goto(format!("{}{page}", system.url())).await?;
                if live {
                    browser.wait_until_live().await?;
                }
                browser.driver.screenshot(&folder.join(format!("{name}-{suffix}-{width}.png"))).await?;
            }
        }
    }
    Ok(())
}

//! A real Chromium, driven through chromedriver.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use thirtyfour::{CapabilitiesHelper, ChromiumLikeCapabilities, DesiredCapabilities, WebDriver, prelude::*};
use throwaway::{Folder, Process, process};
use tokio::time::{Instant, timeout_at};

/// Deadline for a page to show something; generous, for busy machines.
pub const SHOWN_WITHIN: Duration = Duration::from_secs(60);
/// Interval between checks of a page.
const CHECK_EVERY: Duration = Duration::from_millis(50);

/// The browser setting for scripts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scripts {
    /// Pages can run scripts.
    On,
    /// The browser blocks scripts.
    Off,
}

/// The colour scheme that the visitor prefers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ColorScheme {
    /// Dark text on a light background.
    Light,
    /// Light text on a dark background.
    Dark,
}

/// A browser with its own profile. Dropping it ends the browser and its processes.
pub struct Browser {
    /// The session.
    pub driver: WebDriver,
    // Dropped after the session, in this order.
    _chromedriver: Process,
    _profile: Folder,
}

impl Browser {
    /// Starts a browser.
    ///
    /// # Errors
    /// Fails if Chromium or chromedriver is missing or does not start.
    pub async fn start(scripts: Scripts) -> Result<Self> {
        let chromium = program(&["chromium", "chromium-browser", "google-chrome", "chrome"])?;
        let port = process::free_port()?;
        let mut command = Command::new(program(&["chromedriver"])?);
        command.arg(format!("--port={port}"));
        let mut chromedriver = Process::start("chromedriver", command)?;
        chromedriver.wait_for("started successfully", process::READY_WITHIN)?;

        let profile = Folder::new("chromium")?;
        let mut capabilities = DesiredCapabilities::chrome();
        capabilities.set_binary(&chromium.to_string_lossy())?;
        for argument in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,900",
        ] {
            capabilities.add_arg(argument)?;
        }
        capabilities.add_arg(&format!("--user-data-dir={}", profile.path().display()))?;
        if scripts == Scripts::Off {
            let blocked = json!({ "profile.managed_default_content_settings.javascript": 2 });
            capabilities.add_experimental_option("prefs", blocked)?;
        }
        capabilities.set("goog:loggingPrefs", json!({ "browser": "ALL" }))?;
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities).await?;
        Ok(Self { driver, _chromedriver: chromedriver, _profile: profile })
    }

    /// Waits until the page has an element that matches.
    ///
    /// # Errors
    /// Fails with the source of the page if that takes too long.
    pub async fn wait_for(&self, selector: &str) -> Result<WebElement> {
        self.wait_until(&format!("an element {selector}"), || async {
            Ok(self.driver.find_all(By::Css(selector)).await?.into_iter().next())
        })
        .await
    }

    /// Waits until the text of an element that matches contains `text`.
    ///
    /// # Errors
    /// Fails with the source of the page if that takes too long.
    pub async fn wait_for_text(&self, selector: &str, text: &str) -> Result<()> {
        self.wait_until(&format!("“{text}” in {selector}"), || async {
            let mut found = None;
            for element in self.driver.find_all(By::Css(selector)).await? {
                if element.text().await?.contains(text) {
                    found = Some(());
                }
            }
            Ok(found)
        })
        .await
    }

    /// Waits until a condition returns something. Errors are retried, since an element may be replaced
    /// during a check.
    ///
    /// # Errors
    /// Fails with the source of the page if that takes too long.
    pub async fn wait_until<T, F>(&self, what: &str, mut condition: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<Option<T>>>,
    {
        let deadline = Instant::now() + SHOWN_WITHIN;
        let mut last_error = None;
        loop {
            match timeout_at(deadline, condition()).await {
                Ok(Ok(Some(found))) => return Ok(found),
                Ok(Ok(None)) => {}
                Ok(Err(error)) => last_error = Some(error),
                Err(_) => break,
            }
            if Instant::now() >= deadline {
                break;
            }
            tokio::time::sleep(CHECK_EVERY).await;
        }
        let page = self.driver.source().await.unwrap_or_default();
        anyhow::bail!(
            "expected {what} within {SHOWN_WITHIN:?}; last error: {last_error:?}; the page:\n{page}"
        )
    }

    /// Waits until the islands of the page are hydrated and receive events.
    ///
    /// # Errors
    /// Fails if that takes too long.
    pub async fn wait_until_live(&self) -> Result<()> {
        self.wait_for("[data-connection=live]").await.map(drop)
    }

    /// Types an index into the form and submits it.
    ///
    /// # Errors
    /// Fails if the page has no such form.
    pub async fn submit(&self, index: &str) -> Result<()> {
        let field = self.wait_for("input[name=index]").await?;
        field.clear().await?;
        field.send_keys(index).await?;
        self.driver.find(By::Css("form button[type=submit]")).await?.click().await?;
        Ok(())
    }

    /// Emulates a screen of this width and 1100 px height without scroll bars, and a preferred colour scheme.
    ///
    /// # Errors
    /// Fails if the browser rejects them.
    pub async fn emulate(&self, width: u32, scheme: ColorScheme) -> Result<()> {
        let screen = json!({ "width": width, "height": 1100, "deviceScaleFactor": 1, "mobile": false });
        self.driver.cdp().send_raw("Emulation.setDeviceMetricsOverride", screen).await?;
        self.driver.cdp().send_raw("Emulation.setScrollbarsHidden", json!({ "hidden": true })).await?;
        let value = if scheme == ColorScheme::Dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.driver.cdp().send_raw("Emulation.setEmulatedMedia", media).await?;
        Ok(())
    }

    /// Saves downloads to a folder, without asking.
    ///
    /// # Errors
    /// Fails if the browser rejects it.
    pub async fn save_downloads_to(&self, folder: &Path) -> Result<()> {
        let behavior = json!({ "behavior": "allow", "downloadPath": folder });
        self.driver.cdp().send_raw("Browser.setDownloadBehavior", behavior).await?;
        Ok(())
    }

    /// Checks that no page has violated its Content-Security-Policy.
    ///
    /// # Errors
    /// Fails with the violations.
    pub async fn assert_no_csp_violation(&self) -> Result<()> {
        let violations = self.csp_violations().await?;
        ensure!(violations.is_empty(), "the Content-Security-Policy was violated: {violations:#?}");
        Ok(())
    }

    /// Returns the browser's messages about Content-Security-Policy violations since the last call.
    ///
    /// # Errors
    /// Fails if the browser has no log.
    pub async fn csp_violations(&self) -> Result<Vec<String>> {
        // The console logs in order: once it has this deliberate violation, it has all earlier ones.
        const MARKER: &str = "http://marker.invalid/";
        self.driver.execute(format!("new Image().src = '{MARKER}'"), Vec::new()).await?;
        let mut violations = Vec::new();
        let deadline = Instant::now() + SHOWN_WITHIN;
        loop {
            for entry in self.driver.get_log("browser").await? {
                if entry.message.contains(MARKER) {
                    return Ok(violations);
                }
                if entry.message.contains("Content Security Policy") {
                    violations.push(entry.message);
                }
            }
            ensure!(Instant::now() < deadline, "the browser's console did not show the deliberate violation");
            tokio::time::sleep(CHECK_EVERY).await;
        }
    }
}

fn program(names: &[&str]) -> Result<PathBuf> {
    names.iter().find_map(|name| process::find_program(name, &[])).with_context(|| {
        format!("{} is missing: run `cargo xtask test`, which installs it or says how", names.join(" or "))
    })
}

//! The bytes of a first view, compressed with brotli, beside the original's React client as npm installs it today.
//!
//! The page is served by the embedded server as `cargo xtask run` starts it. React's client is not yet a view when it
//! is loaded: it then fetches its lists.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use throwaway::{Folder, Process, process};

use crate::{
    load,
    report::{self, Case, Report},
};

/// Number of entries on the home page.
const ENTRIES: u64 = 20;
/// The budgets, in bytes.
const FIRST_VIEW: f64 = 120_000.0;
const WASM: f64 = 90_000.0;
const PLAIN_VIEW: f64 = 10_000.0;

pub(crate) fn run(short: bool) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(measure(short))
}

async fn measure(short: bool) -> Result<()> {
    let baseline: f64 = sizes(&build_client()?)?.iter().sum();
    let folder = Folder::new("bench")?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, process::free_port()?));
    let _server = start_server(address, folder.path())?;
    for index in 1..=ENTRIES {
        load::fetch(address, &load::post("/api/values", index)).await?;
    }
    let mut report = Report {
        name: "page".to_owned(),
        environment: vec![report::machine(), "React client: bench/client".to_owned()],
        cases: Vec::new(),
    };
    Report::print_header("bytes");
    let mut add = |name: &str, ours: f64, budget: f64| {
        let x = report.cases.len() as f64;
        let (ratio, goal) = (ours / baseline, budget / baseline);
        let case = Case { name: name.to_owned(), x, unit: "bytes".to_owned(), ours, baseline, ratio, goal };
        case.print();
        report.cases.push(case);
    };
    for (page, budget) in [("/", FIRST_VIEW), ("/values/20", FIRST_VIEW), ("/otherpage", PLAIN_VIEW)] {
        let view = first_view(address, page).await?;
        add(page, view.iter().map(|(_, bytes)| bytes).sum(), budget);
        let wasm = view.iter().find(|(path, _)| path.ends_with(".wasm"));
        if let Some((_, bytes)) = wasm.filter(|_| page == "/") {
            add("WASM of /", *bytes, WASM);
        }
    }
    if short { report.compare() } else { report.write() }
}

/// Returns the compressed size of a page and of each file that it loads.
async fn first_view(address: SocketAddr, page: &str) -> Result<Vec<(String, f64)>> {
    let html = load::fetch(address, &load::get(page, "")).await?;
    let html = String::from_utf8(html.body).context("the page is not text")?;
    let files = html.split('"').filter(|part| part.starts_with("/pkg/")).map(str::to_owned);
    let mut view = Vec::new();
    for path in std::iter::once(page.to_owned()).chain(files) {
        let response = load::fetch(address, &load::get(&path, "Accept-Encoding: br\r\n")).await?;
        ensure!(response.status == 200, "{path}: {}", response.head);
        ensure!(
            response.head.to_ascii_lowercase().contains("content-encoding: br"),
            "{path}: {}",
            response.head
        );
        view.push((path, response.body.len() as f64));
    }
    Ok(view)
}

fn start_server(address: SocketAddr, data: &Path) -> Result<Process> {
    let path = env::current_exe()?.with_file_name("server");
    let mut command = Command::new(&path);
    command
        .env("EMBEDDED", "true")
        .env("SITE_ADDR", address.to_string())
        .env("DATA_DIR", data)
        .env("RATE_LIMIT_PER_SECOND", "0");
    let mut server = Process::start("server", command)?;
    server.wait_for("listening", process::READY_WITHIN)?;
    Ok(server)
}

/// Builds the client in the versions of its lock file, and returns the folder of its files.
fn build_client() -> Result<PathBuf> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/client"));
    for arguments in [&["ci", "--silent", "--no-audit", "--no-fund"][..], &["run", "--silent", "build"]] {
        let status = Command::new("npm").args(arguments).current_dir(folder).status();
        let status = status
            .context("failed to run npm: install Node.js (Debian and Ubuntu: apt-get install nodejs npm)")?;
        ensure!(status.success(), "`npm {}` failed in {}", arguments[0], folder.display());
    }
    Ok(folder.join("dist"))
}

/// Returns the compressed sizes of all files below a folder.
fn sizes(folder: &Path) -> Result<Vec<f64>> {
    let mut sizes = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sizes.extend(self::sizes(&path)?);
        } else {
            let (content, mut compressed) = (fs::read(&path)?, Vec::new());
            let parameters = brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() };
            brotli::BrotliCompress(&mut &*content, &mut compressed, &parameters)?;
            sizes.push(compressed.len() as f64);
        }
    }
    Ok(sizes)
}

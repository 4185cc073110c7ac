//! A client of the API.

use std::collections::BTreeMap;

use protocol::{Entry, PROBLEM_MEDIA_TYPE, Problem, Status};
use reqwest::{
    Method, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName},
    redirect,
};
use serde_json::{Value, json};

use crate::{DEADLINE, Events, eventually, openapi::assert_documented};

/// A client of the API on any listener.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
}

/// A complete response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Method and URL of the request, for messages.
    pub asked: String,
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: String,
}

impl Answer {
    /// Value of a header, or an empty string.
    #[must_use]
    pub fn header(&self, name: impl Into<HeaderName>) -> &str {
        self.headers.get(name.into()).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Parses the body as JSON.
    ///
    /// # Panics
    /// Panics if it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Asserts the status.
    ///
    /// # Panics
    /// Panics if it is different.
    #[must_use]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "expected {status}, but {self:?}");
        self
    }

    /// Asserts that this is a problem document with this status and the right media type.
    ///
    /// # Panics
    /// Panics if it is not.
    #[must_use]
    pub fn expect_problem(self, status: u16) -> Problem {
        let answer = self.expect(status);
        assert_eq!(answer.header(CONTENT_TYPE), PROBLEM_MEDIA_TYPE, "in {answer:?}");
        let problem: Problem =
            serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error} in {answer:?}"));
        assert_eq!(problem.status, status, "in {answer:?}");
        assert!(!problem.title.is_empty(), "in {answer:?}");
        problem
    }
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder().redirect(redirect::Policy::none()).no_proxy()
}

impl Client {
    /// Creates a client of the API at `base`, which has no trailing slash.
    ///
    /// # Panics
    /// Panics if the system cannot open sockets.
    #[must_use]
    pub fn new(base: String) -> Self {
        let http = builder().build();
        Self { http: http.expect("a client without TLS has nothing that could fail"), base }
    }

    /// Returns the same client with a new connection for each request. A kept connection may be closed by the other side
    /// just as it is reused, for example when nginx reloads; a browser would then retry.
    ///
    /// # Panics
    /// Panics if the system cannot open sockets.
    #[must_use]
    pub fn with_new_connections(&self) -> Self {
        let http = builder().pool_max_idle_per_host(0).build();
        let http = http.expect("a client without TLS has nothing that could fail");
        Self { http, base: self.base.clone() }
    }

    /// Base URL of the API.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Builds any request.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// Sends a request and reads the complete response.
    ///
    /// # Errors
    /// Fails if there is no response.
    pub async fn try_send(&self, request: reqwest::RequestBuilder) -> Result<Answer, reqwest::Error> {
        let request = request.timeout(DEADLINE).build()?;
        let asked = format!("{} {}", request.method(), request.url());
        let method = request.method().clone();
        let url = request.url().as_str();
        let path =
            url.strip_prefix(&self.base).unwrap_or(url).split('?').next().unwrap_or_default().to_owned();
        let response = self.http.execute(request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let answer = Answer { asked, status, headers, body: response.text().await? };
        assert_documented(&method, &path, &answer);
        Ok(answer)
    }

    /// Like [`Client::try_send`].
    ///
    /// # Panics
    /// Panics if there is no response.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        self.try_send(request).await.unwrap_or_else(|error| panic!("no response: {error:?}"))
    }

    /// Sends a GET request.
    ///
    /// # Errors
    /// Fails if there is no response.
    pub async fn try_get(&self, path: &str) -> Result<Answer, reqwest::Error> {
        self.try_send(self.request(Method::GET, path)).await
    }

    /// Sends a GET request.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends a GET request with a header.
    pub async fn get_with(&self, path: &str, header: HeaderName, value: &str) -> Answer {
        self.send(self.request(Method::GET, path).header(header, value)).await
    }

    /// Posts JSON to `/values`.
    pub async fn post(&self, body: &Value) -> Answer {
        self.send(self.request(Method::POST, "/values").json(body)).await
    }

    /// Posts a body of any media type to `/values`.
    pub async fn post_as(&self, media_type: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.send(self.request(Method::POST, "/values").header(CONTENT_TYPE, media_type).body(body)).await
    }

    /// Posts a plain form, as a browser with scripts disabled does.
    pub async fn post_plain_form(&self, body: &str) -> Answer {
        let request = self.request(Method::POST, "/values").header(ACCEPT, "text/html,*/*;q=0.8");
        self.send(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.to_owned()))
            .await
    }

    /// Submits an index as the original's page did, and asserts that it is accepted.
    pub async fn submit(&self, index: u32) -> Entry {
        let accepted = self.post(&json!({ "index": index.to_string() })).await.expect(200).json();
        assert_eq!(accepted["working"], true, "{accepted}");
        serde_json::from_value(accepted["entry"].clone())
            .unwrap_or_else(|error| panic!("{error}: {accepted}"))
    }

    /// Fetches an entry.
    ///
    /// # Errors
    /// Fails on any other response, with its text.
    pub async fn try_entry(&self, index: u32) -> Result<Entry, String> {
        let answer = self.try_get(&format!("/values/{index}")).await.map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("{answer:?}"));
        }
        serde_json::from_str(&answer.body).map_err(|error| format!("{error}: {answer:?}"))
    }

    /// Waits until an entry satisfies a condition.
    pub async fn entry_when(
        &self,
        index: u32,
        expected: &str,
        like_this: impl Fn(&Entry) -> bool + Copy,
    ) -> Entry {
        eventually(format!("the entry of {index} at {}: {expected}", self.base), || async {
            let entry = self.try_entry(index).await?;
            if like_this(&entry) { Ok(entry) } else { Err(format!("{entry:?}")) }
        })
        .await
    }

    /// Waits until an entry has this status.
    pub async fn entry_at(&self, index: u32, status: Status) -> Entry {
        self.entry_when(index, status.as_str(), |entry| entry.status == status).await
    }

    /// Waits until an index is done and returns its value, shortened if it is long.
    pub async fn value(&self, index: u32) -> String {
        self.entry_at(index, Status::Done).await.brief()
    }

    /// Numbers in `GET /values/all`.
    pub async fn all(&self) -> Vec<u64> {
        let rows = self.get("/values/all").await.expect(200).json();
        let rows = rows.as_array().unwrap_or_else(|| panic!("{rows} is not an array")).clone();
        rows.iter().map(|row| row["number"].as_u64().unwrap_or_else(|| panic!("{row}"))).collect()
    }

    /// Fetches `/values/current`.
    pub async fn current(&self) -> BTreeMap<String, String> {
        let answer = self.get("/values/current").await.expect(200);
        serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error} in {answer:?}"))
    }

    /// Waits until the server is ready: Postgres and Redis are responding.
    pub async fn ready(&self) {
        eventually(format!("{} is ready", self.base), || async {
            let answer = self.try_get("/health/ready").await.map_err(|error| error.to_string())?;
            if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
        })
        .await;
    }

    /// Opens the event stream and waits until it is open.
    pub async fn events(&self) -> Events {
        Events::open(self).await
    }
}

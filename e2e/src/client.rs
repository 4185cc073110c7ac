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

/// A client of the API, wherever it is served.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What was asked, for messages.
    pub asked: String,
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: String,
}

impl Answer {
    /// A header, or the empty text.
    #[must_use]
    pub fn header(&self, name: impl Into<HeaderName>) -> &str {
        self.headers.get(name.into()).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// It is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Expects this status.
    ///
    /// # Panics
    /// It is another one.
    #[must_use]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "expected {status}, but {self:?}");
        self
    }

    /// Expects a problem of this status, in the right media type and with nothing of the inside.
    ///
    /// # Panics
    /// It is none.
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
    /// A client of the API at `base`, with no slash at its end.
    ///
    /// # Panics
    /// Never on a system that can open sockets.
    #[must_use]
    pub fn new(base: String) -> Self {
        let http = builder().build();
        Self { http: http.expect("a client without TLS has nothing that could fail"), base }
    }

    /// The same with a new connection for each request. One that is kept may be closed by the other side just when it
    /// is used again, as nginx does when it takes a new configuration; a browser sends the request once more then.
    ///
    /// # Panics
    /// Never on a system that can open sockets.
    #[must_use]
    pub fn with_new_connections(&self) -> Self {
        let http = builder().pool_max_idle_per_host(0).build();
        let http = http.expect("a client without TLS has nothing that could fail");
        Self { http, base: self.base.clone() }
    }

    /// Where it is.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A request of any kind.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// There was none.
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

    /// As [`Client::try_send`].
    ///
    /// # Panics
    /// There was no answer.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        self.try_send(request).await.unwrap_or_else(|error| panic!("no answer: {error:?}"))
    }

    /// GET.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn try_get(&self, path: &str) -> Result<Answer, reqwest::Error> {
        self.try_send(self.request(Method::GET, path)).await
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// GET with a header.
    pub async fn get_with(&self, path: &str, header: HeaderName, value: &str) -> Answer {
        self.send(self.request(Method::GET, path).header(header, value)).await
    }

    /// POST of JSON to `/values`.
    pub async fn post(&self, body: &Value) -> Answer {
        self.send(self.request(Method::POST, "/values").json(body)).await
    }

    /// POST of anything to `/values`.
    pub async fn post_as(&self, media_type: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.send(self.request(Method::POST, "/values").header(CONTENT_TYPE, media_type).body(body)).await
    }

    /// POST of a plain form by a browser with scripts off.
    pub async fn post_plain_form(&self, body: &str) -> Answer {
        let request = self.request(Method::POST, "/values").header(ACCEPT, "text/html,*/*;q=0.8");
        self.send(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.to_owned()))
            .await
    }

    /// Submits an index as the original's page did, and expects it to be taken.
    pub async fn submit(&self, index: u32) -> Entry {
        let accepted = self.post(&json!({ "index": index.to_string() })).await.expect(200).json();
        assert_eq!(accepted["working"], true, "{accepted}");
        serde_json::from_value(accepted["entry"].clone())
            .unwrap_or_else(|error| panic!("{error}: {accepted}"))
    }

    /// An entry, if the server answers and knows it.
    ///
    /// # Errors
    /// What it said instead.
    pub async fn try_entry(&self, index: u32) -> Result<Entry, String> {
        let answer = self.try_get(&format!("/values/{index}")).await.map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("{answer:?}"));
        }
        serde_json::from_str(&answer.body).map_err(|error| format!("{error}: {answer:?}"))
    }

    /// Waits until an entry is like this.
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

    /// Waits until an index is done, and gives its value (brief, when long).
    pub async fn value(&self, index: u32) -> String {
        self.entry_at(index, Status::Done).await.brief()
    }

    /// `GET /values/all`, as the numbers in it.
    pub async fn all(&self) -> Vec<u64> {
        let rows = self.get("/values/all").await.expect(200).json();
        let rows = rows.as_array().unwrap_or_else(|| panic!("{rows} is no array")).clone();
        rows.iter().map(|row| row["number"].as_u64().unwrap_or_else(|| panic!("{row}"))).collect()
    }

    /// `GET /values/current`.
    pub async fn current(&self) -> BTreeMap<String, String> {
        let answer = self.get("/values/current").await.expect(200);
        serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error} in {answer:?}"))
    }

    /// Waits until Postgres and Redis answer the server.
    pub async fn ready(&self) {
        eventually(format!("{} is ready", self.base), || async {
            let answer = self.try_get("/health/ready").await.map_err(|error| error.to_string())?;
            if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
        })
        .await;
    }

    /// Opens the event stream, and waits until it is open.
    pub async fn events(&self) -> Events {
        Events::open(self).await
    }
}

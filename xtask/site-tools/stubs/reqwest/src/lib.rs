//! Stands in for reqwest, through which cargo-leptos downloads tools: refuses.

use std::{error, fmt};

#[derive(Debug)]
pub struct Error;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this cargo-leptos was built without downloads")
    }
}

impl error::Error for Error {}

/// There never is one.
#[derive(Debug)]
pub enum Response {}

/// There never is one.
#[derive(Clone, Copy, Debug)]
pub enum StatusCode {}

impl fmt::Display for StatusCode {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl StatusCode {
    pub fn is_success(self) -> bool {
        match self {}
    }
}

impl Response {
    pub fn status(&self) -> StatusCode {
        match *self {}
    }

    pub async fn bytes(self) -> Result<bytes::Bytes, Error> {
        match self {}
    }

    pub async fn json<T>(self) -> Result<T, Error> {
        match self {}
    }
}

pub async fn get(_: impl AsRef<str>) -> Result<Response, Error> {
    Err(Error)
}

#[derive(Default)]
pub struct Client;

impl Client {
    pub fn get(&self, _: impl AsRef<str>) -> RequestBuilder {
        RequestBuilder
    }
}

#[derive(Default)]
pub struct ClientBuilder;

impl ClientBuilder {
    pub fn user_agent(self, _: &str) -> Self {
        self
    }

    pub fn build(self) -> Result<Client, Error> {
        Ok(Client)
    }
}

pub struct RequestBuilder;

impl RequestBuilder {
    pub async fn send(self) -> Result<Response, Error> {
        Err(Error)
    }
}

//! The addresses under which clients reach this server.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, OriginalUri},
    http::request::Parts,
};
use protocol::names::API_PREFIX;

use crate::problem::ApiProblem;

/// Path at which the client of a request finds the API: empty on the api listener, `/api` on the site and through
/// nginx. If a proxy in front removed a prefix and named it in `X-Forwarded-Prefix`, the path begins with that prefix.
#[derive(Clone, Debug)]
pub(crate) struct Mount(String);

impl Mount {
    /// Returns the address of a route of the API.
    fn api_address(&self, route: &str) -> String {
        format!("{}{route}", self.0)
    }

    /// Returns a 404 with the address of the documentation.
    pub(crate) fn no_such_endpoint(&self) -> ApiProblem {
        ApiProblem::not_found(format!("No such endpoint. See {}.", self.api_address("/docs")))
    }

    /// Returns the address of a page of the site.
    pub(crate) fn site_address(&self, path: &str) -> String {
        format!("{}{path}", self.0.strip_suffix(API_PREFIX).unwrap_or(&self.0))
    }
}

impl<S: Sync> FromRequestParts<S> for Mount {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        // The site's router removes its own prefix before it calls the API.
        let original = parts.extensions.get::<OriginalUri>().map(|OriginalUri(uri)| uri.path());
        let path = parts.uri.path();
        let on_site = original.is_some_and(|original| original != path) || path == format!("{API_PREFIX}/");
        let nested = if on_site { API_PREFIX } else { "" };
        Ok(Self(format!("{}{nested}", app::forwarded_prefix(&parts.headers))))
    }
}

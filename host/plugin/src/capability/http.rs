//! The capability `outgoing-http`: requests to the operator's list, made by the host.
//!
//! Every answer is bounded in time and bytes, by the call's own budget. No redirect is followed: where it leads
//! has not been allowed. No proxy is taken from the environment: it would do the connecting, unjudged.

use std::error::Error as _;
use std::time::{Duration, Instant};

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url, redirect};

use super::Guest;
use super::allow::{AllowList, NotPublic, Resolver};
use crate::contract::outgoing_http::{self, Error, Header, Method, Request, Response};
use crate::error::excerpt;
use crate::limits;

/// How long connecting may take; the call's deadline may be sooner.
const CONNECT: Duration = Duration::from_secs(5);

/// Headers that frame a message or steer its way: the client writes them.
const NOT_FOR_GUESTS: [HeaderName; 11] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// A plugin version's way out.
#[derive(Debug)]
pub(crate) struct Outgoing {
    list: AllowList,
    client: Client,
}

impl Outgoing {
    /// A client that reaches what the list names. Connections are kept between the calls.
    pub(crate) fn new(list: AllowList) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT)
            .pool_max_idle_per_host(2)
            .pool_idle_timeout(Duration::from_secs(60))
            .http1_only()
            .http1_max_headers(100)
            .user_agent(concat!("bartizan/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Resolver(list.clone()))
            .build()?;
        Ok(Self { list, client })
    }

    async fn fetch(&self, request: Request, within: Duration, budget_bytes: u64) -> Result<Response, Error> {
        let url = self.url(&request.url)?;
        let mut builder = self.client.request(method(request.method), url).headers(headers(request.headers)?);
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        match tokio::time::timeout(within, answer(builder, budget_bytes)).await {
            Ok(result) => result,
            Err(_) => Err(Error::TimedOut),
        }
    }

    fn url(&self, text: &str) -> Result<Url, Error> {
        let url = Url::parse(text)
            .map_err(|error| Error::InvalidRequest(format!("`{}` is not a URL: {error}", excerpt(text))))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::InvalidRequest("a URL must not carry user information".to_owned()));
        }
        self.list.admits(&url).map_err(Error::Denied)?;
        Ok(url)
    }
}

impl outgoing_http::Host for Guest {
    async fn fetch(&mut self, request: Request) -> wasmtime::Result<Result<Response, Error>> {
        let outgoing = self.outgoing.clone();
        let budget = self.budget()?;
        let Some(outgoing) = outgoing else {
            return Ok(Err(Error::Denied("the plugin has no `http` list".to_owned())));
        };
        if budget.http_requests == 0 {
            return Ok(Err(Error::Exhausted(format!("{} requests were made", limits::HTTP_REQUESTS))));
        }
        budget.http_requests -= 1;
        let left = budget.deadline.saturating_duration_since(Instant::now());
        let asked =
            request.timeout_milliseconds.map(|milliseconds| Duration::from_millis(milliseconds.into()));
        let within = asked.unwrap_or(left).min(left);

        let result = outgoing.fetch(request, within, budget.http_bytes).await;
        match &result {
            Ok(response) => budget.http_bytes = budget.http_bytes.saturating_sub(response.body.len() as u64),
            Err(Error::TooLarge(limit)) => budget.http_bytes = budget.http_bytes.saturating_sub(*limit),
            Err(_) => {}
        }
        Ok(result)
    }
}

/// Sends the request and reads the whole answer. Dropping it closes the connection.
async fn answer(builder: reqwest::RequestBuilder, budget_bytes: u64) -> Result<Response, Error> {
    let mut response = builder.send().await.map_err(|error| reason(&error))?;
    let limit = limits::HTTP_RESPONSE_BYTES.min(budget_bytes);
    let beyond = || match limit < limits::HTTP_RESPONSE_BYTES {
        true => Error::Exhausted(format!("{} bytes were read", limits::HTTP_BYTES)),
        false => Error::TooLarge(limit),
    };
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(beyond());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| reason(&error))? {
        if (body.len() + chunk.len()) as u64 > limit {
            return Err(beyond());
        }
        body.extend_from_slice(&chunk);
    }
    let headers = response.headers().iter().filter_map(|(name, value)| {
        Some(Header { name: name.as_str().to_owned(), value: value.to_str().ok()?.to_owned() })
    });
    Ok(Response { status: response.status().as_u16(), headers: headers.collect(), body })
}

/// What a failed request tells the guest: the kind and the last cause, not the host's inner life.
fn reason(error: &reqwest::Error) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = error.source();
    let mut last = None;
    while let Some(current) = cause {
        if let Some(not_public) = current.downcast_ref::<NotPublic>() {
            return Error::Denied(not_public.to_string());
        }
        last = Some(current.to_string());
        cause = current.source();
    }
    if error.is_timeout() {
        return Error::TimedOut;
    }
    Error::Unreachable(last.unwrap_or_else(|| "no answer".to_owned()))
}

fn headers(given: Vec<Header>) -> Result<HeaderMap, Error> {
    let mut bytes = 0;
    let mut headers = HeaderMap::with_capacity(given.len().min(64));
    for Header { name, value } in given {
        bytes += name.len() + value.len();
        if bytes > limits::HTTP_HEADER_BYTES {
            return Err(Error::InvalidRequest(format!(
                "more than {} header bytes",
                limits::HTTP_HEADER_BYTES
            )));
        }
        let wrong = |what: &str| Error::InvalidRequest(format!("header `{}` {what}", excerpt(&name)));
        let parsed =
            HeaderName::try_from(name.as_str()).map_err(|_| wrong("has a name that is not valid"))?;
        if NOT_FOR_GUESTS.contains(&parsed) {
            return Err(wrong("is written by the gateway; leave it out"));
        }
        headers.append(
            parsed,
            HeaderValue::try_from(value).map_err(|_| wrong("has a value that is not valid"))?,
        );
    }
    Ok(headers)
}

fn method(method: Method) -> http::Method {
    match method {
        Method::Get => http::Method::GET,
        Method::Head => http::Method::HEAD,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Patch => http::Method::PATCH,
        Method::Delete => http::Method::DELETE,
        Method::Options => http::Method::OPTIONS,
    }
}

//! What the gateway offers: log lines, the time, the settings, HTTP to the hosts that the operator listed.
//!
//! A function used here is an import of the component; name its capability in `Exporter::CAPABILITIES`.

use crate::bindings::bartizan::plugin as wit;

pub use wit::log::Level;
pub use wit::outgoing_http::{Error as HttpError, Header, Method, Request, Response};

/// Writes a line to the gateway's log. Asks for [`Capabilities::LOG`](crate::Capabilities).
pub fn log(level: Level, message: impl AsRef<str>) {
    wit::log::write(level, message.as_ref());
}

/// The wall clock in milliseconds since 1970. Asks for [`Capabilities::CLOCK`](crate::Capabilities).
pub fn now_milliseconds() -> u64 {
    wit::clock::now()
}

/// Nanoseconds on a clock that never goes back. Asks for [`Capabilities::CLOCK`](crate::Capabilities).
pub fn monotonic_nanoseconds() -> u64 {
    wit::clock::monotonic()
}

/// The operator's settings as JSON. Asks for [`Capabilities::SETTINGS`](crate::Capabilities).
pub fn settings() -> String {
    wit::settings::get()
}

/// Fetches a URL with GET. Asks for [`Capabilities::OUTGOING_HTTP`](crate::Capabilities).
pub fn get<'a>(
    url: &str,
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Response, HttpError> {
    let headers = headers
        .into_iter()
        .map(|(name, value)| Header { name: name.to_owned(), value: value.to_owned() })
        .collect();
    fetch(&Request {
        method: Method::Get,
        url: url.to_owned(),
        headers,
        body: None,
        timeout_milliseconds: None,
    })
}

/// Sends a request. Asks for [`Capabilities::OUTGOING_HTTP`](crate::Capabilities).
pub fn fetch(request: &Request) -> Result<Response, HttpError> {
    wit::outgoing_http::fetch(request)
}

/// What an HTTP error means, for the operator.
pub fn explain(error: &HttpError) -> String {
    match error {
        HttpError::Denied(reason) => format!("not allowed: {reason}"),
        HttpError::InvalidRequest(reason) => format!("the request is not valid: {reason}"),
        HttpError::Unreachable(reason) => format!("cannot be reached: {reason}"),
        HttpError::TimedOut => "did not answer in time".to_owned(),
        HttpError::TooLarge(limit) => format!("answered with more than {limit} bytes"),
        HttpError::Exhausted(reason) => format!("the call's budget is used up: {reason}"),
    }
}

//! A request's parameters, as Go's `Request.ParseForm` reads them, and one canonical way of writing them.
//!
//! For POST the body's parameters come before those of the URL, and the first one of a name counts.
//! What Go skips or reads differently from others is refused: `;`, broken percent-encoding, bodies that are not
//! forms, content codings. The body of a GET is dropped, since Go does not read it.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method};
use percent_encoding::percent_decode_str;

use crate::request::RequestBody;
use crate::{BackendError, Request};

const FORM: &str = "application/x-www-form-urlencoded";

/// Parameters in the order in which Go has them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Form {
    parameters: Vec<(String, String)>,
    /// Whether some of them came in a body.
    posted: bool,
}

fn refused(reason: impl Into<String>) -> BackendError {
    BackendError::NotUnderstood { reason: reason.into() }
}

impl Form {
    /// Takes the parameters out of a GET's URL, or out of a POST's body and URL.
    pub(super) async fn take(request: &mut Request) -> Result<Self, BackendError> {
        let body = if request.method == Method::POST { request.read_body().await? } else { Bytes::new() };
        let form = Form::of(request, &body)?;
        request.body = RequestBody::Empty;
        request.query = None;
        Ok(form)
    }

    /// The parameters of a request with this body, which may be empty.
    pub(super) fn of(request: &Request, body: &[u8]) -> Result<Self, BackendError> {
        let mut form = Form { parameters: Vec::new(), posted: !body.is_empty() };
        if form.posted {
            check_is_form(request)?;
            form.read(std::str::from_utf8(body).map_err(|_| refused("the form is not UTF-8"))?)?;
        }
        if let Some(query) = &request.query {
            form.read(query)?;
        }
        Ok(form)
    }

    /// Whether a body held parameters, which a URL does not tell.
    pub(super) fn was_posted(&self) -> bool {
        self.posted
    }

    fn read(&mut self, encoded: &str) -> Result<(), BackendError> {
        for pair in encoded.split('&').filter(|pair| !pair.is_empty()) {
            if pair.contains(';') {
                return Err(refused("`;` does not separate parameters; write it as %3B"));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.parameters.push((decoded(name)?, decoded(value)?));
        }
        Ok(())
    }

    /// The first value of a name.
    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// All values of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.parameters.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Adds the first values of these names, as far as the other form has them.
    pub(super) fn copy_first(&mut self, from: &Form, names: &[&str]) {
        for name in names {
            if let Some(value) = from.first(name) {
                self.push(name, value);
            }
        }
    }

    pub(super) fn push(&mut self, name: &str, value: &str) {
        self.parameters.push((name.to_owned(), value.to_owned()));
    }

    /// Writes the parameters: into the body of a POST, else into the URL. They ask and change nothing, so they may be sent twice.
    pub(super) fn put(&self, request: &mut Request) {
        let mut encoded = form_urlencoded::Serializer::new(String::new());
        encoded.extend_pairs(&self.parameters);
        let encoded = encoded.finish();
        request.replayable = true;
        for header in [CONTENT_LENGTH, CONTENT_TYPE, CONTENT_ENCODING] {
            request.headers.remove(header);
        }
        if request.method == Method::POST {
            request.headers.insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
            request.query = None;
            request.body = RequestBody::Full(encoded.into());
        } else {
            request.query = (!encoded.is_empty()).then_some(encoded);
            request.body = RequestBody::Empty;
        }
    }
}

fn check_is_form(request: &Request) -> Result<(), BackendError> {
    let mut types = request.headers.get_all(CONTENT_TYPE).iter();
    let (Some(written), None) = (types.next(), types.next()) else {
        return Err(refused(format!("a body needs exactly one content type, {FORM}")));
    };
    let written = written.to_str().map_err(|_| refused("the content type is not text"))?;
    let mut parts = written.split(';').map(str::trim);
    let is_form = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(FORM));
    let utf8 = |part: &str| {
        part.eq_ignore_ascii_case("charset=utf-8") || part.eq_ignore_ascii_case("charset=\"utf-8\"")
    };
    if !is_form || !parts.all(utf8) {
        return Err(refused(format!("the body has to be {FORM} in UTF-8")));
    }
    if request.headers.contains_key(CONTENT_ENCODING) {
        return Err(refused("the body must not have a content coding"));
    }
    Ok(())
}

fn decoded(text: &str) -> Result<String, BackendError> {
    let bytes = text.as_bytes();
    let broken = bytes.iter().enumerate().any(|(at, byte)| {
        *byte == b'%' && !matches!(bytes.get(at + 1..at + 3), Some([a, b]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
    });
    if broken {
        return Err(refused("a parameter's percent-encoding is broken"));
    }
    let spaced = text.replace('+', " ");
    let decoded =
        percent_decode_str(&spaced).decode_utf8().map_err(|_| refused("a parameter is not UTF-8"))?;
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests;

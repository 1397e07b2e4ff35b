//! Requests of our own to the server, and answers that are read whole.

use bartizan_access::policy::Admission;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ANSWER_LIMIT_BYTES;
use crate::upstream::{Pool, Response};
use crate::{BackendError, Reply, Request, RequestBody};

/// The server, for the length of one request.
pub(super) struct Exchange<'a> {
    pool: &'a Pool,
    body_limit_bytes: usize,
}

/// What made an answer what it is besides its body, and the body.
pub(super) type Answer = (HeaderMap, Bytes);

impl<'a> Exchange<'a> {
    pub(super) fn new(pool: &'a Pool, request: &Request) -> Self {
        Exchange { pool, body_limit_bytes: request.body_limit_bytes }
    }

    /// Sends the client's request for an answer that will be filtered. What is no success comes back unread, to be passed on.
    pub(super) async fn narrowed_answer(
        &self,
        mut request: Request,
    ) -> Result<Result<Answer, Response>, BackendError> {
        request.ask_for_whole_plain_answers();
        let response = self.pool.send(request).await?;
        if response.status != StatusCode::OK {
            return if response.status.is_client_error() || response.status.is_server_error() {
                Ok(Err(response))
            } else {
                Err(not_understood(format!("status {}", response.status)))
            };
        }
        let (_, headers, body) = response.read(ANSWER_LIMIT_BYTES).await?;
        if headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
            return Err(not_understood("a content coding that was not asked for".to_owned()));
        }
        Ok(Ok((headers, body)))
    }

    /// Asks something that the client did not ask, and that has to be answered.
    pub(super) async fn get(&self, path: &str, query: &str) -> Result<Bytes, BackendError> {
        match self.narrowed_answer(self.request(Method::GET, path, Some(query.to_owned()))).await? {
            Ok((_, body)) => Ok(body),
            Err(response) => Err(not_understood(format!("status {} to {path}", response.status))),
        }
    }

    /// A silence, or `None` where there is none. An error of the server comes back unread.
    pub(super) async fn silence(&self, id: &str) -> Result<Result<Option<Answer>, Response>, BackendError> {
        let request = self.request(Method::GET, &format!("/api/v2/silence/{id}"), None);
        Ok(match self.narrowed_answer(request).await? {
            Ok(answer) => Ok(Some(answer)),
            Err(response) if response.status == StatusCode::NOT_FOUND => Ok(None),
            Err(response) => Err(response),
        })
    }

    /// Passes a request on.
    pub(super) async fn send(&self, request: Request) -> Result<Response, BackendError> {
        Ok(self.pool.send(request).await?)
    }

    fn request(&self, method: Method, path: &str, query: Option<String>) -> Request {
        Request {
            method,
            path: path.to_owned(),
            query,
            headers: HeaderMap::new(),
            body: RequestBody::Empty,
            body_limit_bytes: self.body_limit_bytes,
            replayable: true,
            upgrade: None,
        }
    }
}

/// A filtered answer.
pub(super) fn json(
    admission: Admission,
    status: StatusCode,
    headers: HeaderMap,
    body: &Value,
) -> Result<Reply, BackendError> {
    let body = serde_json::to_vec(body).map_err(|error| not_understood(error.to_string()))?;
    Ok(Reply::json(admission, status, headers, body.into()))
}

/// Reads an answer's JSON.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, BackendError> {
    serde_json::from_slice(body)
        .map_err(|error| not_understood(format!("not the JSON that was expected: {error}")))
}

pub(super) fn not_understood(reason: String) -> BackendError {
    BackendError::AnswerNotUnderstood { reason }
}

//! Prometheus 2.42 to 3.x: what its HTTP API can do, and how each operation is narrowed.
//!
//! Every request is looked up in the table of [`endpoints`]; what is not in it needs the grant `unknown`.
//! For somebody who may see everything a request passes as it is, but where personal data is redacted for them,
//! queries must not take values apart. What a body asked is told for the audit log. For others:
//!
//! - Parameters are read as Prometheus reads them ([`form`]), queries and selectors are narrowed ([`promql`]),
//!   and only parameters that are known are sent on, written anew: one request, one meaning.
//! - `rules` and `alerts` know no restriction, so their answers are filtered ([`rules`]).
//! - Whatever else shows data, such as metadata, targets, status, remote read or the server-rendered pages, cannot be narrowed and has a grant of its own.
//!
//! Error texts of Prometheus pass. They can quote the narrowed query, whose matchers say what the person's own roles grant; they hold no data of others,
//! since only series behind those matchers were read. Line and column in them count in the narrowed query.

mod endpoints;
mod form;
mod json;
mod narrowing;
pub mod promql;
mod rules;

pub(crate) use endpoints::ACTIONS;
pub(crate) use narrowing::send;

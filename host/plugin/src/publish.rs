//! What a scrape sees: the last good collection of each plugin, and the host's own series about them.
//!
//! Collections are validated and written out once, when they come in ([`collection`]). A scrape joins what lies
//! ready ([`exposition`]); it calls nobody and waits for nobody. Whatever plugins do, the result is valid: names
//! clash within a plugin or between two only before it gets here.

mod collection;
mod exposition;
mod ledger;
mod validate;
mod write;

pub(crate) use collection::{Collection, Family};
pub(crate) use exposition::{Format, render};
pub(crate) use ledger::{Shelf, Shelves, Shown};
pub use validate::Fault;

#[cfg(test)]
mod tests;

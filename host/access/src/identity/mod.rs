//! Who is asking: evidence in a request becomes a [`Subject`].

mod subject;

pub use subject::{Login, Subject};

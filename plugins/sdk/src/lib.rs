//! Write a Bartizan plugin in Rust: implement [`Exporter`], name it in [`exporter!`], build it with `plugins/build`.
//!
//! ```ignore
//! use bartizan_plugin_sdk::{Capabilities, Error, Exporter, Family, exporter};
//!
//! struct Answer;
//!
//! impl Exporter for Answer {
//!     const NAME: &str = "answer";
//!     const VERSION: &str = env!("CARGO_PKG_VERSION");
//!     const HELP: &str = "Knows one number.";
//!     type Settings = ();
//!
//!     fn new(_: ()) -> Result<Self, String> {
//!         Ok(Self)
//!     }
//!
//!     fn collect(&mut self) -> Result<Vec<Family>, Error> {
//!         Ok(vec![Family::gauge("answer", "The answer.").with([], 42.0)])
//!     }
//! }
//!
//! exporter!(Answer);
//! ```
//!
//! The contract, with all limits, is `wit/` in Bartizan's repository; this crate adds nothing to it but types.

#[doc(hidden)]
pub mod bindings;
mod exporter;
mod family;
pub mod host;

pub use bindings::exports::bartizan::plugin::metrics::Error;
pub use bindings::exports::bartizan::plugin::plugin::Capabilities;
pub use exporter::{BASIC, Exporter};
pub use family::{Buckets, Family, Quantiles};

/// What [`exporter!`] needs to find; not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::bindings::__export_exporter_impl;
    pub use crate::bindings::exports::bartizan::plugin::{metrics, plugin};
    pub use crate::exporter::{collect, describe, self_test};
}

/// Makes the component's exports from a type that implements [`Exporter`]. Once in a crate.
#[macro_export]
macro_rules! exporter {
    ($exporter:ty) => {
        #[doc(hidden)]
        struct BartizanExports;

        const _: () = {
            use $crate::__private as sdk;

            ::std::thread_local! {
                static INSTANCE: ::std::cell::RefCell<::std::option::Option<$exporter>> =
                    const { ::std::cell::RefCell::new(None) };
            }

            impl sdk::plugin::Guest for BartizanExports {
                fn describe() -> sdk::plugin::Description {
                    sdk::describe::<$exporter>()
                }

                fn self_test() -> ::std::result::Result<(), ::std::string::String> {
                    INSTANCE.with(sdk::self_test::<$exporter>)
                }
            }

            impl sdk::metrics::Guest for BartizanExports {
                fn collect() -> ::std::result::Result<::std::vec::Vec<sdk::metrics::Family>, sdk::metrics::Error> {
                    INSTANCE.with(sdk::collect::<$exporter>)
                }
            }
        };

        $crate::__private::__export_exporter_impl!(BartizanExports with_types_in $crate::bindings);
    };
}

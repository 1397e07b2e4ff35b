//! Bartizan: one TLS entry point in front of a company's monitoring.
//!
//! [`request`] is the map of the product: follow one request there. [`serve`] puts the running
//! program together; [`cli`] is what a person types.

mod admin;
mod audit;
mod cli;
mod failure;
mod gateway;
mod listener;
mod metrics;
mod portal;
mod request;
mod respond;
mod routes;
mod serve;
mod settings;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}", cli::worded(&error));
            ExitCode::FAILURE
        }
    }
}

//! What the tests share: real servers on free ports, certificates, tokens, and clients that trust them.
//!
//! Every server runs in a folder of its own, listens on 127.0.0.1 only, and ends when its value is dropped or when the
//! test program ends, however that happens. Where a test panics, the last lines of its servers' logs are printed and
//! the folders stay; `BARTIZAN_TEST_KEEP=1` keeps them always. A program that is missing is an error that names its
//! package; nothing is skipped.
//!
//! | module | gives |
//! |---|---|
//! | [`process`] | a program in the background, with its log, signals and readiness |
//! | [`prometheus`] | a Prometheus with a given configuration, or one that holds given samples |
//! | [`alertmanager`] | two Alertmanagers in one cluster |
//! | [`gateway`] | the built gateway with settings, policy, users and certificates of the test's own |
//! | [`certificates`] | a certificate authority and what it signs |
//! | [`tokens`] | RS256 bearer tokens and their key set |
//! | [`client`] | HTTPS clients, and raw bytes over TCP or TLS |
//! | [`ports`], [`repository`] | free ports; where things are |

pub mod alertmanager;
pub mod certificates;
pub mod client;
pub mod gateway;
pub mod ports;
pub mod process;
pub mod prometheus;
pub mod repository;
pub mod tokens;

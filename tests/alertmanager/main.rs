//! Alerts and silences: what somebody gets of an Alertmanager equals what one gives that has only their alerts.
//!
//! Real servers stand on both sides: one with everybody's alerts and silences behind the gateway, and for each
//! person one of their own, which has got what that person may see and nothing else.

mod endpoints;
mod oracle;
mod silencing;
mod world;

//! Dumps, and the watchdog.

#![cfg(unix)]

#[path = "../support/mod.rs"]
mod support;

mod dumps;
mod elsewhere;
mod watchdog;

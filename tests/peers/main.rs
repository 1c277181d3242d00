//! Programs that know nothing of this crate talk to the examples that are servers: Python, curl, wrk, OpenSSL, Redis.
//!
//! A program that is missing is skipped aloud; with `GREENLET_REQUIRE_PEERS=1` it has to be there. The examples are built by a
//! plain `cargo test`, but not by `cargo test --test peers`, which needs a `cargo build --examples` first.
#![cfg(all(unix, not(feature = "sanitizer")))]

#[path = "../support/example.rs"]
mod example;
#[path = "../support/process.rs"]
mod process;

mod peer;
mod program;

mod chat;
mod echo;
mod ending;
mod forward;
mod http;
mod tls;
mod udp;
mod unix;

//! The hub under attack: whatever greenlets do to each other, to themselves and to the hub, nobody else is harmed. Every test runs under the
//! leak check.

#[path = "../support/mod.rs"]
mod support;

mod admission;
mod ends;
mod kills;
mod limits;
mod many;
mod measured;
mod plain;
mod trace;
mod unwinding;

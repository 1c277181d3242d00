//! What the optional features add.

#[path = "../support/mod.rs"]
mod support;

mod recorder;
mod serialized;
mod spans;

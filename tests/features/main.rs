//! What the optional features add.

#[path = "../support/mod.rs"]
mod support;

mod serialized;

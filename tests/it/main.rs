//! The contract, bullet by bullet, over the public interface. Every test runs under the leak check.

#[path = "../support/mod.rs"]
mod support;

mod delivery;
mod handles;
mod kill;
mod locals;
mod misuse;
mod panicking;
mod scale;
mod stacks;
mod types;

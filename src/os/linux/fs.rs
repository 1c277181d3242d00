//! `std::os::linux::fs`: what files are, as Linux tells it. It never blocks.

pub use std::os::linux::fs::MetadataExt;

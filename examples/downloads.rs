//! A pool of three downloads with callbacks; the argument says how many milliseconds a second has.

mod seed;

use std::num::ParseIntError;
use std::time::Duration;

use seed::{downloads, time};

fn main() -> Result<(), ParseIntError> {
    let milliseconds = time::argument(100)?;
    downloads::run(Duration::from_millis(milliseconds.into()));
    Ok(())
}

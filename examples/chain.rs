//! Three tasks in a fixed order, by releasing each other's locks; the argument says how many rounds.

mod seed;

use std::num::ParseIntError;

use seed::{chain, time};

fn main() -> Result<(), ParseIntError> {
    chain::run(time::argument(chain::ROUNDS)?);
    Ok(())
}

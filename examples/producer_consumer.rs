//! A producer and a consumer that keep the stock of a queue between bounds; the argument says how many rounds.

mod seed;

use std::num::ParseIntError;

use seed::{producer_consumer, time};

fn main() -> Result<(), ParseIntError> {
    producer_consumer::run(time::argument(producer_consumer::ROUNDS)?);
    Ok(())
}

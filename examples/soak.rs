//! Everything at once at random, for ten minutes or as many seconds as the first argument says, with the seed that the second says; and that nothing is lost, leaked or left waiting.
//!
//! `soak exact SECONDS SEED` runs on one thread and on simulated time, and prints a number that is the same each time.

mod chaos;

use std::env;
use std::error::Error;
use std::time::{Duration, SystemTime};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1).peekable();
    let is_exact = arguments.next_if_eq("exact").is_some();
    let seconds = arguments.next().map_or(Ok(600), |said| said.parse())?;
    let length = Duration::from_secs(seconds);
    let seed = match arguments.next() {
        Some(said) => said.parse()?,
        None => SystemTime::UNIX_EPOCH.elapsed()?.subsec_nanos().into(),
    };
    println!("seed {seed}");
    let tally = match is_exact {
        true => {
            let (trace, tally) = chaos::exact::exact(length, seed);
            println!("trace {trace:016x}");
            tally
        }
        false => chaos::run::run(length, seed),
    };
    print!("{tally}");
    for (call, faults) in chaos::faults::made() {
        println!("faults: {call:<28}{faults:>12}");
    }
    Ok(())
}

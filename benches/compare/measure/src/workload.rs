//! Workloads by their names, and what is printed.

use std::env;
use std::process;

use crate::memory::note_start;

/// The code that says: this contestant has no such workload.
const REFUSED: i32 = 64;

/// The code of a call that cannot be understood.
const MISUSED: i32 = 2;

/// Something to measure.
#[derive(Clone, Copy)]
pub struct Workload {
    name: &'static str,
    run: Run,
}

#[derive(Clone, Copy)]
enum Run {
    Plain(fn()),
    Sized(fn(usize)),
}

impl Workload {
    /// One of one size only.
    pub const fn plain(name: &'static str, run: fn()) -> Self {
        let run = Run::Plain(run);
        Workload { name, run }
    }

    /// One that is told how many there are to be.
    pub const fn sized(name: &'static str, run: fn(usize)) -> Self {
        let run = Run::Sized(run);
        Workload { name, run }
    }

    /// Measures, and prints the figures.
    pub fn run(&self) {
        match self.run {
            Run::Plain(run) => run(),
            Run::Sized(run) => run(how_many()),
        }
    }
}

/// The N of the command line.
fn how_many() -> usize {
    let argument = env::args().nth(2);
    let number = argument.as_deref().map(str::parse);
    match number {
        Some(Ok(n)) if n > 0 => n,
        _ => end(MISUSED, "this workload needs a number greater than none"),
    }
}

/// Finds the workload that the command line names, and lets `around` run it, on whatever runtime the contestant needs.
pub fn main(workloads: &[Workload], around: impl FnOnce(Workload)) {
    note_start();
    let Some(name) = env::args().nth(1) else {
        end(MISUSED, "usage: WORKLOAD [N], or: list");
    };
    if name == "list" {
        return workloads.iter().for_each(|one| println!("{}", one.name));
    }
    match workloads.iter().find(|one| one.name == name) {
        Some(workload) => around(*workload),
        None => refuse(&format!("there is no workload {name}")),
    }
}

/// Ends the process: this workload, or so many of it, cannot be had.
pub fn refuse(why: &str) -> ! {
    end(REFUSED, why)
}

fn end(code: i32, why: &str) -> ! {
    eprintln!("{why}");
    process::exit(code);
}

/// Prints what one unit of work took, in nanoseconds.
pub fn print_ns(ns: f64) {
    println!("ns {ns:.3}");
}

/// Prints what one unit of work takes up in memory.
pub fn print_bytes(bytes: f64) {
    println!("bytes {bytes:.1}");
}

/// Prints where a server can be reached.
pub fn print_port(port: u16) {
    println!("port {port}");
}

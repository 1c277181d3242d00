//! A million greenlets on one thread: spawned, all asleep at one moment, woken and joined; what they cost, beside what their pages cost.
//!
//! `cargo run --release --example million [greenlets]`. A million take 4.7 GB of memory, and no setting of the system's. Where less is
//! free there are fewer of them.
//!
//! Each stack takes a page of memory at least, and to be given a page is most of the work. So the floor is as many pages of vectors, as far
//! apart as stacks are, each of which is written to once: zeroed memory comes from the system as a promise, which is kept page by page at
//! the first write. They are given back before the first greenlet is spawned.

use std::cell::Cell;
use std::env;
use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io::{self, IsTerminal, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

use greenlet::{sleep_until, spawn, yield_now};

const GREENLETS: usize = 1_000_000;

const PAGE: usize = 4096;

/// The address space of a stack, of which a page is used; and how many there are in one piece. One of 64 GiB would be refused.
const STACK: usize = 64 << 10;
const REGION: usize = 1024;

/// Bytes of free memory for each greenlet, of which some are to be left: it takes 4.7 KB, and what the kernel keeps of it.
const ROOM: usize = 5400;

/// The kernel may be late by a tick of its own.
const MEASURABLE: Duration = Duration::from_millis(100);

fn main() -> Result<(), Box<dyn Error>> {
    let asked = match env::args().nth(1) {
        Some(number) => number.parse()?,
        None => GREENLETS,
    };
    let count = as_many_as_fit(asked)?;
    let faults = page_faults()?;
    let floor = touch_pages(count)?;
    let new_pages = page_faults()? - faults;
    // Longer than it should take until all sleep.
    let nap = 2 * floor.passed + Duration::from_millis(100);
    let (took, memory) = run(count, nap)?;

    let report = |what, took: Time, bytes| {
        let (passed, worked) = (took.passed.as_secs_f64(), took.worked.as_secs_f64());
        let nanos = took.worked.as_nanos() / count as u128;
        println!("{count} {what}: {passed:.2} s, {worked:.2} of them on a processor");
        println!("    each: {nanos} ns on a processor, {bytes} bytes");
    };
    report("greenlets", took, memory / count);
    report("pages alone", floor, PAGE);
    if new_pages < count {
        println!("no ratio: only {new_pages} pages were given one by one");
    } else if floor.worked < MEASURABLE {
        println!("no ratio: too little to be measured");
    } else {
        let ratio = took.worked.div_duration_f64(floor.worked);
        println!("ratio {ratio:.2}, on a processor");
    }
    Ok(())
}

/// Of the world, and of this thread: on a busy machine the others have the rest.
#[derive(Clone, Copy)]
struct Time {
    passed: Duration,
    worked: Duration,
}

/// All that are asked for; or fewer, and says so.
fn as_many_as_fit(asked: usize) -> Result<usize, Box<dyn Error>> {
    let free = number_in("/proc/meminfo", "MemAvailable:")? * 1024;
    let fit = asked.min(free / ROOM);
    if fit < asked {
        let megabytes = free / 1_000_000;
        println!("{megabytes} MB of memory are free: {fit} greenlets instead of {asked}");
    }
    match fit {
        0 => Err("that is none at all".into()),
        some => Ok(some),
    }
}

/// How long it takes to be given so many pages.
fn touch_pages(count: usize) -> Result<Time, Box<dyn Error>> {
    let (start, worked_before) = (Instant::now(), worked()?);
    let mut regions = Vec::with_capacity(count.div_ceil(REGION));
    for first in (0..count).step_by(REGION) {
        let mut region = vec![0_u8; REGION.min(count - first) * STACK];
        for stack in region.chunks_exact_mut(STACK) {
            stack[STACK - 64] = 1;
        }
        regions.push(region);
    }
    black_box(&regions);
    Ok(Time {
        passed: start.elapsed(),
        worked: worked()? - worked_before,
    })
}

/// How long it takes until all sleep, and from when they are due until all are joined; and the memory that they take.
fn run(count: usize, nap: Duration) -> Result<(Time, usize), Box<dyn Error>> {
    let before = number_in("/proc/self/status", "VmRSS:")?;
    let (start, worked_before) = (Instant::now(), worked()?);
    let crowd = Rc::new(Crowd {
        asleep: Cell::new(0),
        due: Cell::new(start + nap),
        nap,
        progress: Progress::of(count),
    });
    let mut handles = Vec::with_capacity(count);
    for number in 0..count {
        let crowd = crowd.clone();
        handles.push(spawn(move || crowd.sleep_and_answer(number)));
    }
    // Each of them runs, and goes to sleep.
    yield_now();
    let fell_asleep = start.elapsed();
    assert_eq!(crowd.asleep.get(), count, "all sleep at this moment");
    let memory = 1024 * number_in("/proc/self/status", "VmRSS:")?.saturating_sub(before);

    for (number, handle) in handles.into_iter().enumerate() {
        let answered = handle.join().expect("none panics");
        assert_eq!(answered, answer(number), "the answer of {number}");
        crowd.progress.show("joined", number + 1);
    }
    let woke_up = crowd.due.get().elapsed();
    assert_eq!(crowd.asleep.get(), 0, "all are awake");
    let took = Time {
        passed: fell_asleep + woke_up,
        worked: worked()? - worked_before,
    };
    Ok((took, memory))
}

/// What each of the greenlets sees of the others.
struct Crowd {
    asleep: Cell<usize>,
    /// Until when they sleep, all of them.
    due: Cell<Instant>,
    nap: Duration,
    progress: Progress,
}

impl Crowd {
    fn sleep_and_answer(&self, number: usize) -> u64 {
        let now = Instant::now();
        if self.due.get() < now + self.nap / 4 {
            // It takes longer than was thought: those who sleep already are to sleep on.
            self.due.set(now + self.nap);
        }
        self.asleep.set(self.asleep.get() + 1);
        self.progress.show("asleep", self.asleep.get());
        while Instant::now() < self.due.get() {
            sleep_until(self.due.get());
        }
        self.asleep.set(self.asleep.get() - 1);
        answer(number)
    }
}

/// Unlike that of any other.
fn answer(number: usize) -> u64 {
    (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// On a terminal one line that counts up, elsewhere four lines for each thing that is counted.
struct Progress {
    count: usize,
    step: usize,
    on_terminal: bool,
}

impl Progress {
    fn of(count: usize) -> Self {
        let on_terminal = io::stdout().is_terminal();
        let steps = if on_terminal { 100 } else { 4 };
        Progress {
            count,
            step: count.div_ceil(steps),
            on_terminal,
        }
    }

    fn show(&self, what: &str, done: usize) {
        let is_last = done == self.count;
        if !is_last && !done.is_multiple_of(self.step) {
            return;
        }
        match self.on_terminal && !is_last {
            true => print!("\r{done} of {} {what}", self.count),
            false if self.on_terminal => println!("\r{done} of {} {what}", self.count),
            false => println!("{done} of {} {what}", self.count),
        }
        // A terminal that is gone is no reason to end.
        drop(io::stdout().flush());
    }
}

/// The first number behind `name` in a file of the kernel's.
fn number_in(file: &str, name: &str) -> Result<usize, Box<dyn Error>> {
    let text = fs::read_to_string(file)?;
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("the system does not say it")?.parse()?)
}

/// How long this thread was on a processor.
fn worked() -> Result<Duration, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = stat.split(' ').next().ok_or("the system does not say it")?;
    Ok(Duration::from_nanos(nanos.parse()?))
}

/// How often this process was given memory that it had been promised.
fn page_faults() -> Result<usize, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name of the program comes first, in brackets, and may be anything.
    let (_, numbers) = stat.rsplit_once(") ").ok_or("the system does not say it")?;
    let faults = numbers.split(' ').nth(7);
    Ok(faults.ok_or("the system does not say it")?.parse()?)
}

//! A run: rounds, and what the process holds after each.

use std::any::Any;
use std::backtrace::Backtrace;
use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, io, panic, process, thread};

use crate::chaos::acts::ACTS;
use crate::chaos::life::PATIENCE;
use crate::chaos::random::Random;
use crate::chaos::round::round;
use crate::chaos::tally::Tally;
use crate::chaos::vitals;
use crate::chaos::world::{OnPurpose, is_expected};

/// How much more memory there may be at the end than after the first quarter of the run: half as much again, for fragments, and this.
const MORE_RESIDENT: u64 = 32 << 20;

/// The first rounds make what is made once.
const WARM_UP: u64 = 3;

/// Rounds of about a second, for so long. Panics, or ends the process, if anything is wrong.
pub(crate) fn run(length: Duration, seed: u64) -> Arc<Tally> {
    quiet_panics();
    let tally = Arc::new(Tally::new(ACTS.iter().map(|act| act.0)));
    let random = Random::new(seed);
    let dir = Dir::new();
    let beats = watch();
    let began = Instant::now();
    let threads_before = vitals::threads();
    let mut held = None;
    let mut resident = None;
    let mut last_line = began;
    let mut number = 0;
    while began.elapsed() < length || number <= WARM_UP {
        round(&tally, &random, &dir.0);
        number += 1;
        beats.fetch_add(1, Ordering::SeqCst);
        if number >= WARM_UP {
            let before = *held.get_or_insert_with(settled);
            let is_same = || settled() == before;
            assert!(patiently(is_same), "held {before:?}, now {:?}", settled());
        }
        if resident.is_none() && number > WARM_UP && began.elapsed() >= length / 4 {
            resident = Some(vitals::resident());
        }
        if last_line.elapsed() >= Duration::from_secs(5) {
            last_line = Instant::now();
            println!(
                "{:>5} s: {number} rounds, {} acts, {} MiB",
                began.elapsed().as_secs(),
                tally.begun(),
                vitals::resident() >> 20
            );
        }
    }
    let (now, before) = (vitals::resident(), resident.unwrap_or(u64::MAX / 2));
    println!(
        "resident: {} MiB after a quarter, {} MiB at the end",
        before >> 20,
        now >> 20
    );
    let is_flat = || vitals::resident() <= before / 2 * 3 + MORE_RESIDENT;
    assert!(
        length < Duration::from_secs(20) || is_flat(),
        "memory grows"
    );
    // Idle threads of pools end by themselves; the watch is one more.
    let is_alone = || vitals::threads() <= threads_before + 1;
    assert!(
        patiently(is_alone),
        "{} threads are left",
        vitals::threads()
    );
    tally
}

/// Descriptors, and registrations of them.
fn settled() -> (usize, usize) {
    (vitals::descriptors(), vitals::registrations())
}

/// Whether it comes to that: a thread may be about to end.
fn patiently(is_so: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    while !is_so() {
        if began.elapsed() > PATIENCE {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
    true
}

/// Ends the process if there is no beat for long.
fn watch() -> Arc<AtomicU64> {
    let beats = Arc::new(AtomicU64::new(0));
    let watched = Arc::downgrade(&beats);
    thread::spawn(move || {
        let mut last = (0, Instant::now());
        while let Some(beats) = watched.upgrade() {
            let now = beats.load(Ordering::SeqCst);
            drop(beats);
            if now != last.0 {
                last = (now, Instant::now());
            }
            if last.1.elapsed() > 3 * PATIENCE {
                give_up("a round hangs");
            }
            thread::sleep(Duration::from_millis(100));
        }
    });
    beats
}

/// What panics on purpose says nothing; what does not ends the process, wherever it was.
fn quiet_panics() {
    panic::set_hook(Box::new(|info| {
        if !is_known(info.payload()) {
            give_up(info);
        }
    }));
}

/// Ends the process, and says why: not by way of what a test has printed so far, which would be lost.
fn give_up(why: impl Display) -> ! {
    let trace = Backtrace::force_capture();
    let _ = writeln!(io::stderr(), "{why}\n{trace}");
    process::abort();
}

fn is_known(payload: &(dyn Any + Send)) -> bool {
    payload.is::<OnPurpose>() || is_expected(payload)
}

/// A directory for a run.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        let dir = env::temp_dir().join(format!("greenlet-chaos-{}", process::id()));
        fs::create_dir_all(&dir).expect("a directory");
        Dir(dir)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let removed: io::Result<()> = fs::remove_dir_all(&self.0);
        drop(removed);
    }
}

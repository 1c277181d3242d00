//! The leak check that every test runs under.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::cell::Cell;
use std::fs;
use std::io::ErrorKind;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

thread_local! {
    static TOKENS: Cell<isize> = const { Cell::new(0) };
}

/// Counts itself: capture one wherever a leak could hide, the leak check finds it if it is not dropped.
#[derive(Debug)]
pub struct Token(());

impl Token {
    pub fn new() -> Self {
        TOKENS.set(TOKENS.get() + 1);
        Token(())
    }

    /// How many are alive on this thread.
    pub fn alive() -> isize {
        TOKENS.get()
    }
}

impl Clone for Token {
    fn clone(&self) -> Self {
        Token::new()
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        TOKENS.set(TOKENS.get() - 1);
    }
}

/// Sets a flag when dropped.
#[derive(Debug)]
pub struct Bell(pub Rc<Cell<u32>>);

impl Drop for Bell {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// Runs `test` on a thread of its own. When it is done, no greenlet but main, no stack and no [`Token`] may be left.
#[track_caller]
pub fn leak_checked(test: impl FnOnce() + Send + 'static) {
    let checked = move || {
        let before = greenlet::census();
        assert_eq!((before.greenlets, before.stacks), (1, 0), "a fresh thread");
        test();
        let after = greenlet::census();
        assert_eq!(after.greenlets, before.greenlets, "greenlets leaked");
        assert_eq!(after.stacks, before.stacks, "stacks leaked");
        assert_eq!(Token::alive(), 0, "values leaked");
        assert!(greenlet::trace::get().is_none(), "an observer was left");
        let hub = greenlet::hub::stats();
        assert_eq!(
            (hub.spawned, hub.runnable, hub.timers),
            (0, 0, 0),
            "{hub:?}"
        );
    };
    if let Err(payload) = thread::spawn(checked).join() {
        resume_unwind(payload);
    }
}

/// As [`leak_checked`], for the tests of a binary which all run under this: one at a time, and with no file descriptor left.
#[track_caller]
pub fn world_checked(test: impl FnOnce() + Send + 'static) {
    static ALONE: Mutex<()> = Mutex::new(());
    /// A thread of a pool may be about to close one.
    const PATIENCE: Duration = Duration::from_secs(60);

    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = settled();
    leak_checked(test);
    let began = Instant::now();
    while descriptors() != before.len() {
        let (now, left) = (open(), began.elapsed() < PATIENCE);
        assert!(left, "open before: {before:#?}, now: {now:#?}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// What is open once two looks see the same: a thread of an earlier test may be about to close something.
fn settled() -> Vec<String> {
    let mut before = open();
    loop {
        thread::sleep(Duration::from_millis(1));
        let now = open();
        if now == before {
            return now;
        }
        before = now;
    }
}

/// The numbers of the file descriptors that the process has open, and what they are.
fn open() -> Vec<String> {
    let entries = fs::read_dir("/proc/self/fd").unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut open: Vec<_> = paths
        .map(|path| {
            let what = fs::read_link(&path).unwrap_or_default();
            format!("{} {}", path.display(), what.display())
        })
        .collect();
    open.sort();
    open
}

/// How many file descriptors the process has open.
pub fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// A directory of a test's own.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let name = format!("greenlet-test-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match fs::create_dir(&path) {
                // Left by a process of the same number that has not come to its end.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                made => {
                    made.unwrap();
                    return TempDir(path);
                }
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

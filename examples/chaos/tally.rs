//! What was done, counted.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Counts of a whole run.
#[derive(Default)]
pub(crate) struct Tally {
    acts: Vec<Act>,
    events: Mutex<BTreeMap<String, u64>>,
}

struct Act {
    name: &'static str,
    begun: AtomicU64,
    done: AtomicU64,
}

impl Tally {
    pub(crate) fn new(names: impl Iterator<Item = &'static str>) -> Self {
        let act = |name| Act {
            name,
            begun: AtomicU64::new(0),
            done: AtomicU64::new(0),
        };
        Tally {
            acts: names.map(act).collect(),
            events: Mutex::default(),
        }
    }

    pub(crate) fn begins(&self, act: usize) {
        self.acts[act].begun.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn is_done(&self, act: usize) {
        self.acts[act].done.fetch_add(1, Ordering::Relaxed);
    }

    /// Something else has happened.
    pub(crate) fn event(&self, what: &str) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        match events.get_mut(what) {
            Some(count) => *count += 1,
            None => drop(events.insert(what.to_owned(), 1)),
        }
    }

    pub(crate) fn error(&self, error: &io::Error) {
        self.event(&format!("error: {}", error.kind()));
    }

    /// How many acts were begun.
    pub(crate) fn begun(&self) -> u64 {
        let begun = |act: &Act| act.begun.load(Ordering::Relaxed);
        self.acts.iter().map(begun).sum()
    }

    /// The acts that were never done to their end.
    pub(crate) fn never_done(&self) -> Vec<&'static str> {
        let never = |act: &&Act| act.done.load(Ordering::Relaxed) == 0;
        self.acts.iter().filter(never).map(|act| act.name).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<28}{:>12}{:>12}", "what", "begun", "unwound")?;
        for act in &self.acts {
            let begun = act.begun.load(Ordering::Relaxed);
            let unwound = begun - act.done.load(Ordering::Relaxed);
            writeln!(f, "{:<28}{begun:>12}{unwound:>12}", act.name)?;
        }
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        for (event, count) in &*events {
            writeln!(f, "{event:<28}{count:>12}")?;
        }
        Ok(())
    }
}

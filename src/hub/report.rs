//! Who waits for what: deadlocks, and what they are called.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::panic::Location;
use std::process;

use crate::greenlet::block::{AnyGreenlet, Thread};
use crate::greenlet::state::{Role, State};
use crate::hub::awaited::{Awaited, Holder};
use crate::hub::seat::Seat;
use crate::util::id::GreenletId;

/// One greenlet that is parked, and what it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    id: GreenletId,
    label: String,
    waits_for: String,
    parked_at: &'static Location<'static>,
    created_at: Option<&'static Location<'static>>,
    spawned: bool,
    holder: Holder,
    /// The holder's name.
    held_by: String,
}

impl Parked {
    /// Which greenlet it is.
    pub fn id(&self) -> GreenletId {
        self.id
    }

    /// What it waits for, in words.
    pub fn waits_for(&self) -> &str {
        &self.waits_for
    }

    /// The call that waits.
    pub fn parked_at(&self) -> &'static Location<'static> {
        self.parked_at
    }

    /// Where it was spawned or created; `None` for main.
    pub fn spawned_at(&self) -> Option<&'static Location<'static>> {
        self.created_at
    }

    /// Who holds what it waits for, as far as that is known.
    pub fn held_by(&self) -> Option<GreenletId> {
        self.holder.id()
    }

    /// Whether only the holder can end the wait.
    fn is_owned(&self) -> bool {
        matches!(self.holder, Holder::Owner(_) | Holder::Itself(_))
    }
}

impl fmt::Display for Parked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} waits for {}", self.label, self.waits_for)?;
        match self.holder {
            Holder::Nobody | Holder::Itself(_) => {}
            Holder::Owner(_) => write!(f, ", held by {}", self.held_by)?,
            Holder::LastTaker(_) => write!(f, ", last taken by {}", self.held_by)?,
        }
        write!(f, ", at {}", self.parked_at)?;
        if let Some(created_at) = self.created_at {
            let verb = if self.spawned { "spawned" } else { "created" };
            write!(f, "; {verb} at {created_at}")?;
        }
        Ok(())
    }
}

/// Greenlets that wait for what cannot come.
///
/// When the main greenlet waits for ever, that is when no greenlet of its thread can run, nothing is timed, and no other thread of the process could do
/// anything about it, the report is printed to standard error and this is the payload of the panic that ends main's wait. Where other threads
/// could act the hub just waits.
///
/// [`hub::deadlocks`](crate::hub::deadlocks) finds cycles of owned locks at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadlock {
    main: Option<String>,
    parked: Vec<Parked>,
    cycle: Vec<Parked>,
}

impl Deadlock {
    /// Every greenlet that is parked, in the order of creation.
    pub fn parked(&self) -> &[Parked] {
        &self.parked
    }

    /// Greenlets each of which waits for what the next one holds, and the last for what the first one holds. Empty if
    /// there is no such cycle.
    pub fn cycle(&self) -> &[Parked] {
        &self.cycle
    }

    /// What is the matter when nothing on this thread can happen any more.
    pub(crate) fn find(thread: &Thread) -> Self {
        let parked = all_parked(thread);
        let cycle = cycles(&parked, |_| true).into_iter().next();
        let main = thread.main();
        let main = match main.block().is_parked() {
            true => None,
            false => Some(format!(
                "{} waits for a switch back, at {}",
                main.block().label(),
                main.block().waits_at.get()
            )),
        };
        Deadlock {
            main,
            cycle: cycle.unwrap_or_default(),
            parked,
        }
    }

    /// Cycles of locks that only their owners can release.
    pub(crate) fn find_owned(thread: &Thread) -> Vec<Self> {
        let parked = all_parked(thread);
        let cycles = cycles(&parked, Parked::is_owned);
        let deadlocks = cycles.into_iter().map(|cycle| Deadlock {
            main: None,
            parked: cycle.clone(),
            cycle,
        });
        deadlocks.collect()
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadlock: nothing can wake the greenlets that wait")?;
        if let Some(line) = &self.main {
            write!(f, "\n  {line}")?;
        }
        for parked in &self.parked {
            write!(f, "\n  {parked}")?;
        }
        if self.cycle.is_empty() {
            return Ok(());
        }
        f.write_str("\n  the cycle: ")?;
        for parked in &self.cycle {
            write!(f, "{} -> ", parked.label)?;
        }
        write!(f, "{}", self.cycle[0].label)
    }
}

impl Error for Deadlock {}

/// The greenlets that are parked on a thread, by their ids.
fn all_parked(thread: &Thread) -> Vec<Parked> {
    let registry = thread.registry.borrow();
    let labels: HashMap<_, _> = registry
        .iter()
        .map(|(_, greenlet)| (greenlet.block().id, greenlet.block().label()))
        .collect();
    let mut waiting: HashSet<AnyGreenlet> = HashSet::new();
    for (_, greenlet) in registry.iter() {
        let block = greenlet.block();
        let is_spawned = block.role.get() == Role::Spawned;
        if block.is_parked() || (is_spawned && block.state() == State::Suspended) {
            with_those_above(greenlet, &mut waiting);
        } else if is_spawned && block.state() == State::New {
            waiting.insert(greenlet.clone());
        }
    }
    let mut parked: Vec<_> = waiting
        .iter()
        .filter_map(|greenlet| describe(greenlet, &labels))
        .collect();
    parked.sort_by_key(|parked| parked.id);
    parked
}

/// Adds a greenlet, and those that wait for it in a switch: its ancestors, but main and the hub.
fn with_those_above(greenlet: &AnyGreenlet, waiting: &mut HashSet<AnyGreenlet>) {
    let mut next = Some(greenlet.clone());
    while let Some(greenlet) = next {
        let block = greenlet.block();
        let waits = block.is_parked() || (greenlet.is_active() && !block.is_main());
        if !waits || block.role.get() == Role::Hub || !waiting.insert(greenlet.clone()) {
            return;
        }
        next = greenlet.effective_parent();
    }
}

/// What a greenlet waits for.
fn describe(greenlet: &AnyGreenlet, labels: &HashMap<GreenletId, String>) -> Option<Parked> {
    let block = greenlet.block();
    let (waits_for, holder) = match block.is_parked() {
        false if block.state() == State::New => (
            "its first turn, and memory for a stack".to_owned(),
            Holder::Nobody,
        ),
        false => ("a switch back".to_owned(), Holder::Nobody),
        true => Seat::of(block)?.with_awaited(|awaited| {
            let words = Words(awaited).to_string();
            (words, awaited.holder())
        })?,
    };
    let mut parked = Parked {
        id: block.id,
        label: block.label(),
        waits_for,
        parked_at: block.waits_at.get(),
        created_at: (!block.is_main()).then_some(block.created_at),
        spawned: block.role.get() == Role::Spawned,
        holder,
        held_by: String::new(),
    };
    if let Some(id) = parked.held_by() {
        let label = labels.get(&id).cloned();
        parked.held_by =
            label.unwrap_or_else(|| format!("{id}, which is dead or on another thread"));
    }
    Some(parked)
}

/// What is waited for, in words.
pub(crate) struct Words<'a>(pub(crate) &'a dyn Awaited);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe(f)
    }
}

/// Each cycle among `parked` in which every step `counts`, once. Everybody waits for one at most, so a walk that comes
/// back to where it was has found one.
fn cycles(parked: &[Parked], counts: impl Fn(&Parked) -> bool) -> Vec<Vec<Parked>> {
    let places: HashMap<_, _> = parked.iter().enumerate().map(|(i, p)| (p.id, i)).collect();
    let next = |i: usize| -> Option<usize> {
        let holder = parked[i].held_by().filter(|_| counts(&parked[i]))?;
        places.get(&holder).copied()
    };
    let mut walked_by = vec![None; parked.len()];
    let mut found = Vec::new();
    for start in 0..parked.len() {
        let mut at = Some(start);
        while let Some(i) = at.filter(|i| walked_by[*i].is_none()) {
            walked_by[i] = Some(start);
            at = next(i);
        }
        let Some(first) = at.filter(|i| walked_by[*i] == Some(start)) else {
            continue;
        };
        let mut cycle = vec![parked[first].clone()];
        let mut i = next(first).expect("it is on a cycle");
        while i != first {
            cycle.push(parked[i].clone());
            i = next(i).expect("it is on a cycle");
        }
        found.push(cycle);
    }
    found
}

/// What a greenlet waits for that only the hub may resume.
pub(crate) fn waits_for(greenlet: &AnyGreenlet) -> String {
    let block = greenlet.block();
    if !block.is_parked() {
        return match greenlet.is_active() {
            true => format!("a switch back, at {}", block.waits_at.get()),
            false => "its first turn".to_owned(),
        };
    }
    let words = Seat::of(block).and_then(|seat| seat.with_awaited(|a| Words(a).to_string()));
    format!(
        "{}, at {}",
        words.as_deref().unwrap_or("something"),
        block.waits_at.get()
    )
}

/// Prints a deadlock before main is told of it.
pub(crate) fn print(deadlock: &Deadlock) {
    let _ = writeln!(io::stderr(), "{deadlock}");
}

/// Main waits for ever while it unwinds: it cannot be told.
pub(crate) fn abort(deadlock: &Deadlock) -> ! {
    print(deadlock);
    let _ = writeln!(
        io::stderr(),
        "fatal runtime error: the main greenlet waits for ever while it unwinds, aborting"
    );
    process::abort();
}

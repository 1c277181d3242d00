//! What a process has one of, with threads: made at the first use, and again in a fork, where those threads are not.

use std::sync::OnceLock;

use crate::sys::fork;

/// A chain with an element for each process that has used it, on the way from the first one by forks to this one. Nothing is
/// locked to look, for a lock that another thread holds at the moment of a fork stays locked in the child.
pub(crate) struct PerProcess<T: 'static> {
    make: fn() -> T,
    first: OnceLock<Generation<T>>,
}

struct Generation<T> {
    process: u32,
    value: T,
    next: OnceLock<Box<Generation<T>>>,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new(make: fn() -> T) -> Self {
        PerProcess {
            make,
            first: OnceLock::new(),
        }
    }

    /// This process's.
    pub(crate) fn get(&'static self) -> &'static T {
        let process = fork::generation();
        let make = || Generation {
            process,
            value: (self.make)(),
            next: OnceLock::new(),
        };
        let mut last = self.first.get_or_init(make);
        while let Some(next) = last.next.get() {
            last = next;
        }
        if last.process != process {
            last = last.next.get_or_init(|| Box::new(make()));
        }
        &last.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once() {
        static THING: PerProcess<Box<u8>> = PerProcess::new(|| Box::new(1));
        let threads = [(); 2].map(|()| std::thread::spawn(|| THING.get()));
        let seen = threads.map(|thread| thread.join().unwrap());
        assert!(std::ptr::eq(seen[0], seen[1]) && std::ptr::eq(seen[0], THING.get()));
    }

    #[test]
    fn another_process_makes_its_own() {
        static THING: PerProcess<u32> = PerProcess::new(|| 1);
        // As the parent has left it.
        let parents = Generation {
            process: u32::MAX,
            value: 10,
            next: OnceLock::new(),
        };
        assert!(THING.first.set(parents).is_ok());
        assert_eq!((*THING.get(), *THING.get()), (1, 1));
    }
}

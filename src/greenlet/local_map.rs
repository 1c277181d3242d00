//! The values of greenlet-locals: one map a greenlet, made when the first local is used.
//!
//! A handful of keys at most is expected, so a map is a list in the order of first use. Values are counted, so that a
//! reference to one never depends on the list staying as it is.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use crate::greenlet::unwind::Payload;

/// Copies a value for a greenlet that inherits; `None` for types that cannot be copied.
pub(crate) type Cloner = fn(&dyn Any) -> Option<Rc<dyn Any>>;

struct Entry {
    /// Address of the key.
    key: usize,
    value: Rc<dyn Any>,
    cloner: Cloner,
}

/// The locals of one greenlet, or of several that share them.
#[derive(Default)]
pub(crate) struct LocalMap(RefCell<Vec<Entry>>);

impl LocalMap {
    pub(crate) fn get(&self, key: usize) -> Option<Rc<dyn Any>> {
        let entries = self.0.borrow();
        let entry = entries.iter().find(|entry| entry.key == key)?;
        Some(entry.value.clone())
    }

    pub(crate) fn insert(&self, key: usize, value: Rc<dyn Any>, cloner: Cloner) {
        self.0.borrow_mut().push(Entry { key, value, cloner });
    }

    /// A map with a copy of each value that can be copied; the others start fresh.
    pub(crate) fn copy(&self) -> LocalMap {
        // The list is left alone while user code copies: it may use locals, or switch.
        let entries: Vec<_> = {
            let entries = self.0.borrow();
            let parts = entries.iter().map(|e| (e.key, e.value.clone(), e.cloner));
            parts.collect()
        };
        let copied = entries.into_iter().filter_map(|(key, value, cloner)| {
            let value = cloner(&*value)?;
            Some(Entry { key, value, cloner })
        });
        LocalMap(RefCell::new(copied.collect()))
    }

    /// Drops all values in the order of first use, whatever each does; the first panic.
    #[cold]
    pub(crate) fn destroy(&self) -> Result<(), Payload> {
        let mut result = Ok(());
        while let Some(value) = self.pop_first() {
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(value)));
            result = result.and(dropped);
        }
        result
    }

    fn pop_first(&self) -> Option<Rc<dyn Any>> {
        let mut entries = self.0.borrow_mut();
        if entries.is_empty() {
            return None;
        }
        Some(entries.remove(0).value)
    }
}

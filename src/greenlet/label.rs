//! How a greenlet is called, in messages and by `Debug`.

use std::fmt;

use crate::greenlet::block::{AnyGreenlet, Block};
use crate::greenlet::state::{Role, State};

impl Block {
    /// How the greenlet is called in messages: `` `name` (#7) ``, `main (#1)` or `#7`.
    pub(crate) fn label(&self) -> String {
        match &self.name {
            Some(name) => format!("`{name}` ({})", self.id),
            None if self.is_main() => format!("main ({})", self.id),
            None if self.role.get() == Role::Hub => format!("hub ({})", self.id),
            None => self.id.to_string(),
        }
    }
}

impl fmt::Debug for AnyGreenlet {
    /// `Greenlet(#7 "name" suspended)`, with `main` where it is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let block = self.block();
        write!(f, "Greenlet({}", block.id)?;
        if let Some(name) = &block.name {
            write!(f, " {name:?}")?;
        }
        let state = match block.state() {
            State::New => "new",
            State::Suspended => "suspended",
            State::Running => "running",
            State::Dead => "dead",
        };
        write!(f, " {state}{})", if block.is_main() { " main" } else { "" })
    }
}

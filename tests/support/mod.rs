//! The leak check that every test runs under.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::cell::Cell;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::thread;

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

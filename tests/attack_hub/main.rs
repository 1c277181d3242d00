//! Attacks on waiting: what safe code could do to break it, where its destructors and pointers run amid the library's work.

#[path = "../support/mod.rs"]
mod support;

mod chaos;
mod ends;
mod exits;
mod raises;
mod selects;

/// Runs something when dropped.
struct OnDrop(Option<Box<dyn FnOnce() + Send>>);

fn on_drop(run: impl FnOnce() + Send + 'static) -> OnDrop {
    OnDrop(Some(Box::new(run)))
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(run) = self.0.take() {
            run();
        }
    }
}

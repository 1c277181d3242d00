//! Attacks on soundness: what safe code could do to break the library, where its destructors run amid the library's work.

#[path = "../support/mod.rs"]
mod support;

mod deaths;
mod drops;
mod fuzz;
mod generators;
mod locals;
mod misc;
mod parked;
mod runs;
mod traits;
mod walk;

/// Runs something when dropped.
struct OnDrop(Option<Box<dyn FnOnce()>>);

fn on_drop(run: impl FnOnce() + 'static) -> OnDrop {
    OnDrop(Some(Box::new(run)))
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(run) = self.0.take() {
            run();
        }
    }
}

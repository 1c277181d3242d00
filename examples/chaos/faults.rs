//! Whether faults of the system are made, which is for builds with `--cfg greenlet_faults` only.

use std::any::Any;

/// Has calls of the system fail at random from now on, or not any more.
#[cfg(greenlet_faults)]
pub(crate) fn make(seed: Option<u64>) {
    greenlet::__make_faults(seed);
}

#[cfg(not(greenlet_faults))]
pub(crate) fn make(_seed: Option<u64>) {}

pub(crate) const fn are_on() -> bool {
    cfg!(greenlet_faults)
}

/// How many were made, by what they were made of; nothing where none are made.
#[cfg(greenlet_faults)]
pub(crate) fn made() -> Vec<(&'static str, u64)> {
    greenlet::__made_faults()
}

#[cfg(not(greenlet_faults))]
pub(crate) fn made() -> Vec<(&'static str, u64)> {
    Vec::new()
}

/// Whether faults explain this panic: there was no stack, or no thread, where the documentation says that this is one.
pub(crate) fn explain(payload: &(dyn Any + Send)) -> bool {
    const DOCUMENTED: &[&str] = &[
        "a stack of",
        "the system refuses a thread",
        "cannot start one",
    ];

    let said = payload.downcast_ref::<String>().map(String::as_str);
    let said = said.or(payload.downcast_ref::<&str>().copied());
    are_on() && said.is_some_and(|said| DOCUMENTED.iter().any(|part| said.contains(part)))
}

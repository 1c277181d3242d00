//! A limit over any blocking calls.

use std::error::Error;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use crate::greenlet::unwind::Elapsing;
use crate::hub::begin::place;
use crate::hub::state::Place;

/// A limit has elapsed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Elapsed(pub(crate) ());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the limit has elapsed")
    }
}

impl Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> Self {
        io::Error::new(io::ErrorKind::TimedOut, elapsed)
    }
}

/// Runs `f`, and ends it if it still waits when `limit` has passed.
///
/// It is ended by an unwind from the wait that it is in, or else from its next one: destructors run, no panic hook does, and what `f` was waiting
/// for is as if it had never waited. A wake-up that comes first is not lost: `f` goes on with it, and is ended at its next wait. So work
/// that does not wait is not interrupted, and a result that `f` returns counts, however late. A limit of zero is up at the first wait.
///
/// Limits nest: whichever is up first ends its own `f`, an outer one those inside it as well. While destructors run their waits are
/// not interrupted.
///
/// ```
/// use std::time::Duration;
/// use greenlet::{sleep, timeout};
///
/// let hour = Duration::from_secs(3600);
/// assert!(timeout(Duration::from_millis(1), || sleep(hour)).is_err());
/// assert_eq!(timeout(hour, || 5), Ok(5));
/// ```
///
/// # Errors
///
/// [`Elapsed`], if `f` was ended.
///
/// # Panics
///
/// With whatever `f` panics with.
pub fn timeout<R>(limit: Duration, f: impl FnOnce() -> R) -> Result<R, Elapsed> {
    let place = place();
    let scope = Scope {
        number: place.begin_limit(limit),
        place,
    };
    let result = catch_unwind(AssertUnwindSafe(f));
    let Scope { number, place } = scope;
    drop(scope);
    result.or_else(|payload| match payload.downcast::<Elapsing>() {
        Ok(elapsing) if elapsing.0 == number => {
            place.me.note_calm();
            Err(Elapsed(()))
        }
        Ok(another) => resume_unwind(another),
        Err(payload) => resume_unwind(payload),
    })
}

/// Takes the limit away again (W5).
struct Scope<'a> {
    number: u64,
    place: Place<'a>,
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        self.place.end_limit(self.number);
    }
}

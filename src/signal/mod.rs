//! Signals of the system: as values that a greenlet waits for, and Ctrl-C as the end of a program.
//!
//! ```
//! use greenlet::signal::{self, Signal, Signals};
//!
//! let signals = Signals::new([signal::SIGUSR1, signal::SIGHUP])?;
//! let waiting = greenlet::spawn(move || signals.recv());
//! greenlet::yield_now();
//! # let kill = format!("kill -USR1 {}", std::process::id());
//! # std::process::Command::new("sh").args(["-c", &kill]).status()?;
//! // Somebody sends this process `SIGUSR1`.
//! assert_eq!(waiting.join().unwrap()?, Signal(signal::SIGUSR1));
//! # Ok::<(), std::io::Error>(())
//! ```

pub(crate) mod ctrl_c;
pub(crate) mod signals;

pub use signal_hook::consts::signal::{
    SIGABRT, SIGALRM, SIGBUS, SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGIO, SIGPIPE, SIGPROF, SIGQUIT,
    SIGSYS, SIGTERM, SIGTRAP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGUSR1, SIGUSR2, SIGVTALRM,
    SIGWINCH, SIGXCPU, SIGXFSZ,
};

pub use crate::signal::ctrl_c::end_on_ctrl_c;
pub use crate::signal::signals::{Iter, Signal, Signals};

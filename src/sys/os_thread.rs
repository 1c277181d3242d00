//! The operating system's threads.
#![allow(unsafe_code)]

/// Whether this is the thread that the process began with, and ends with.
#[cfg(target_os = "linux")]
pub(crate) fn is_process_main() -> bool {
    // SAFETY: both only read ids.
    unsafe { libc::gettid() == libc::getpid() }
}

/// Whether this is the thread that the process began with, and ends with.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_process_main() -> bool {
    false
}

/// Names a thread of this process to the system.
pub(crate) type ThreadId = libc::pid_t;

/// The calling thread.
#[cfg(target_os = "linux")]
pub(crate) fn current() -> ThreadId {
    // SAFETY: only reads an id.
    unsafe { libc::gettid() }
}

/// The calling thread; nobody is asked for by that number.
#[cfg(not(target_os = "linux"))]
pub(crate) fn current() -> ThreadId {
    0
}

/// How many threads the process has; `None` where that is not known.
#[cfg(target_os = "linux")]
pub(crate) fn count() -> Option<usize> {
    use std::os::unix::fs::MetadataExt;

    // Two links are the directory's own.
    let tasks = std::fs::metadata("/proc/self/task").ok()?;
    let threads = usize::try_from(tasks.nlink()).ok()?.checked_sub(2)?;
    // Some sandboxes say two for every directory.
    (threads > 0).then_some(threads)
}

/// How many threads the process has; `None` where that is not known.
#[cfg(not(target_os = "linux"))]
pub(crate) fn count() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn threads_are_counted() {
        let before = super::count().unwrap();
        let (told, tell) = std::sync::mpsc::channel::<()>();
        let other = std::thread::spawn(move || tell.recv());
        // Others may come and go meanwhile, but this one is there.
        assert!(super::count().unwrap() >= 2, "{before}");
        drop(told);
        other.join().unwrap().unwrap_err();
    }

    #[test]
    fn a_spawned_thread_is_not_the_process_main_thread() {
        assert!(!std::thread::spawn(super::is_process_main).join().unwrap());
    }
}

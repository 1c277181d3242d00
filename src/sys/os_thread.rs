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

#[cfg(test)]
mod tests {
    #[test]
    fn a_spawned_thread_is_not_the_process_main_thread() {
        assert!(!std::thread::spawn(super::is_process_main).join().unwrap());
    }
}

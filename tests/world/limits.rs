//! How many descriptors the process may have.
#![allow(unsafe_code)]

/// The limit, and up to where it may be set.
pub fn descriptor_limit() -> libc::rlimit {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: writes to this frame.
    let read = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    assert_eq!(read, 0);
    limit
}

pub fn set_descriptor_limit(limit: libc::rlimit) {
    // SAFETY: reads this frame.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    assert_eq!(set, 0);
}

//! What the process holds, as the system tells it.

use std::fs;
use std::io::Read;

/// How many file descriptors are open.
pub(crate) fn descriptors() -> usize {
    // One of them reads the directory.
    fs::read_dir("/proc/self/fd").map_or(0, |fds| fds.count() - 1)
}

/// How many descriptors are registered with any epoll, those that poke it included.
pub(crate) fn registrations() -> usize {
    let Ok(infos) = fs::read_dir("/proc/self/fdinfo") else {
        return 0;
    };
    let texts = infos.filter_map(|info| fs::read_to_string(info.ok()?.path()).ok());
    texts
        .map(|text| text.lines().filter(|line| line.starts_with("tfd:")).count())
        .sum()
}

/// How many threads there are.
pub(crate) fn threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// How many bytes are in memory.
pub(crate) fn resident() -> u64 {
    const PAGE: u64 = 4_096;
    let mut text = String::new();
    let read =
        fs::File::open("/proc/self/statm").and_then(|mut file| file.read_to_string(&mut text));
    let pages = read
        .ok()
        .and_then(|_| text.split(' ').nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * PAGE
}

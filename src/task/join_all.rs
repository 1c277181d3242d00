//! Several spawned greenlets at once.

use std::thread;

use crate::task::join_handle::JoinHandle;

/// Waits for all, and gives their results in the order of the handles.
///
/// Switches unless all have ended. If the caller is killed or its limit elapses while it waits, those not yet joined are detached.
///
/// ```
/// let handles = (0..3).map(|n| greenlet::spawn(move || n * n));
/// let squares: Vec<i32> = greenlet::join_all(handles).into_iter().map(Result::unwrap).collect();
/// assert_eq!(squares, [0, 1, 4]);
/// ```
#[track_caller]
pub fn join_all<T>(handles: impl IntoIterator<Item = JoinHandle<T>>) -> Vec<thread::Result<T>> {
    // All of them first: the iterator may be what spawns them.
    let handles: Vec<_> = handles.into_iter().collect();
    let mut results = Vec::with_capacity(handles.len());
    for handle in handles {
        results.push(handle.join());
    }
    results
}

/// Waits for all, and takes no result.
#[track_caller]
pub fn wait_all<'a, T: 'a>(handles: impl IntoIterator<Item = &'a JoinHandle<T>>) {
    for handle in handles {
        handle.wait();
    }
}

/// Kills all, then waits for all.
#[track_caller]
pub fn kill_all<'a, T: 'a>(handles: impl IntoIterator<Item = &'a JoinHandle<T>>) {
    let handles: Vec<_> = handles.into_iter().collect();
    for handle in &handles {
        handle.kill();
    }
    wait_all(handles);
}

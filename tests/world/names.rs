//! A `getaddrinfo` in front of the system's, which the whole binary uses: names that end in `.test` exist, and can be held up;
//! those that end in `.invalid` do not. Of the others only `localhost` is looked up, so that no name depends on a network.
#![allow(unsafe_code)]

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int};
use std::mem;
use std::sync::{Condvar, LazyLock, Mutex};
use std::time::Duration;

type GetAddrInfo = unsafe extern "C" fn(
    *const c_char,
    *const c_char,
    *const libc::addrinfo,
    *mut *mut libc::addrinfo,
) -> c_int;

#[derive(Default)]
struct Names {
    asked: HashMap<String, usize>,
    held: Vec<String>,
}

static NAMES: LazyLock<Mutex<Names>> = LazyLock::new(Default::default);
static CHANGED: Condvar = Condvar::new();

/// Nobody hears of this name until [`release`].
pub fn hold(name: &str) {
    NAMES.lock().unwrap().held.push(name.to_owned());
}

pub fn release(name: &str) {
    NAMES.lock().unwrap().held.retain(|held| held != name);
    CHANGED.notify_all();
}

/// How often the system was asked for it.
pub fn asked(name: &str) -> usize {
    let names = NAMES.lock().unwrap();
    names.asked.get(name).copied().unwrap_or(0)
}

/// Waits, and lets other greenlets have turns meanwhile, until the system was asked so often.
pub fn wait_until_asked(name: &str, times: usize) {
    while asked(name) < times {
        greenlet::sleep(Duration::from_millis(1));
    }
}

fn ask(name: &str) {
    let mut names = NAMES.lock().unwrap();
    *names.asked.entry(name.to_owned()).or_default() += 1;
    while names.held.iter().any(|held| held == name) {
        names = CHANGED.wait(names).unwrap();
    }
}

/// # Safety
///
/// As the system's.
#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const libc::addrinfo,
    result: *mut *mut libc::addrinfo,
) -> c_int {
    // SAFETY: the name is there and stands for nothing else than a function of this type.
    let system = unsafe {
        let symbol = libc::dlsym(libc::RTLD_NEXT, c"getaddrinfo".as_ptr());
        assert!(!symbol.is_null());
        mem::transmute::<*mut libc::c_void, GetAddrInfo>(symbol)
    };
    let mut node = node;
    let mut numeric: libc::addrinfo;
    let mut hints = hints;
    if !node.is_null() {
        // SAFETY: the caller says that it is a string.
        let name = unsafe { CStr::from_ptr(node) }.to_string_lossy();
        ask(&name);
        if name.ends_with(".invalid") {
            return libc::EAI_NONAME;
        }
        if name.ends_with(".test") {
            node = c"127.0.0.1".as_ptr();
        }
        if name != "localhost" && !hints.is_null() {
            // SAFETY: the caller's, which says that they are there.
            numeric = unsafe { *hints };
            numeric.ai_flags |= libc::AI_NUMERICHOST;
            hints = &raw const numeric;
        }
    }
    // SAFETY: as the caller's call.
    unsafe { system(node, service, hints, result) }
}

//! A `readdir64` in front of the system's, which the whole binary uses: it can be held up.
#![allow(unsafe_code)]

use std::mem;
use std::sync::{Condvar, Mutex};

type ReadDir64 = unsafe extern "C" fn(*mut libc::DIR) -> *mut libc::dirent64;

static HELD: Mutex<bool> = Mutex::new(false);
static CHANGED: Condvar = Condvar::new();

/// While it lives, nobody reads an entry of a directory.
pub struct Hold(());

pub fn hold() -> Hold {
    *HELD.lock().unwrap() = true;
    Hold(())
}

impl Drop for Hold {
    fn drop(&mut self) {
        *HELD.lock().unwrap() = false;
        CHANGED.notify_all();
    }
}

/// # Safety
///
/// As the system's.
#[unsafe(no_mangle)]
unsafe extern "C" fn readdir64(dir: *mut libc::DIR) -> *mut libc::dirent64 {
    // SAFETY: the name is there and stands for nothing else than a function of this type.
    let system = unsafe {
        let symbol = libc::dlsym(libc::RTLD_NEXT, c"readdir64".as_ptr());
        assert!(!symbol.is_null());
        mem::transmute::<*mut libc::c_void, ReadDir64>(symbol)
    };
    let mut held = HELD.lock().unwrap();
    while *held {
        held = CHANGED.wait(held).unwrap();
    }
    drop(held);
    // SAFETY: as the caller's call.
    unsafe { system(dir) }
}

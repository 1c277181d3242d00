//! The report of a stack overflow: which greenlet, how large its stack, how to raise it.
//!
//! Touching a guard raises SIGSEGV. The handler asks, through a function that the greenlets
//! installed, whether the address lies in the guard of the running greenlet; if so it prints and
//! aborts, as std does for threads. Any other SIGSEGV goes on to the handler that was there before.
//!
//! Everything here runs inside a signal handler: no allocation, no lock, no formatting machinery; it writes to
//! file descriptor 2 directly.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;

use crate::sys::handler::{Front, Handed, reset};

/// What the report says of the greenlet that overflowed.
pub(crate) struct Victim<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) id: u64,
    pub(crate) stack_size: usize,
}

/// Finds out whose guard an address is in, and tells `report`. Must be safe to call in a signal handler.
pub(crate) type Lookup = fn(address: usize, report: &dyn Fn(Victim<'_>));

static LOOKUP: OnceLock<Lookup> = OnceLock::new();
static FRONT: Front = Front::new();

/// Makes overflow reports work in this process and on this thread.
pub(crate) fn install(lookup: Lookup) {
    LOOKUP.get_or_init(|| lookup);
    FRONT.arm(libc::SIGSEGV, on_segv);
    ensure_signal_stack();
}

/// std gives its own threads an alternate signal stack; threads made elsewhere may have none.
fn ensure_signal_stack() {
    const SIZE: usize = 64 << 10;
    struct SignalStack(Cell<Option<Box<[u8]>>>);
    impl Drop for SignalStack {
        fn drop(&mut self) {
            if self.0.take().is_some() {
                let off = libc::stack_t {
                    ss_sp: ptr::null_mut(),
                    ss_flags: libc::SS_DISABLE,
                    ss_size: SIZE,
                };
                // SAFETY: switches the alternate stack off before its memory goes.
                unsafe { libc::sigaltstack(&off, ptr::null_mut()) };
            }
        }
    }
    thread_local! {
        static OWN: SignalStack = const { SignalStack(Cell::new(None)) };
    }
    let mut present = MaybeUninit::<libc::stack_t>::uninit();
    // SAFETY: reads the present setting.
    if unsafe { libc::sigaltstack(ptr::null(), present.as_mut_ptr()) } != 0 {
        return;
    }
    // SAFETY: filled in by the kernel.
    if unsafe { present.assume_init() }.ss_flags & libc::SS_DISABLE == 0 {
        return;
    }
    // A thread whose locals are already being destroyed goes without.
    let _ = OWN.try_with(|own| {
        let mut memory = vec![0u8; SIZE].into_boxed_slice();
        let stack = libc::stack_t {
            ss_sp: memory.as_mut_ptr().cast(),
            ss_flags: 0,
            ss_size: SIZE,
        };
        // SAFETY: the memory is kept until the thread ends, when the setting is undone.
        unsafe { libc::sigaltstack(&stack, ptr::null_mut()) };
        own.0.set(Some(memory));
    });
}

extern "C" fn on_segv(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: of the system, or null from one who was put in front of this and hands on what he likes.
    let (code, address) = match unsafe { info.as_ref() } {
        // SAFETY: a fault has an address, and what it is of other signals is not looked at.
        Some(info) => (info.si_code, unsafe { info.si_addr() } as usize),
        None => (0, 0),
    };
    // What was sent by a process has no address, and a code that is not positive.
    let is_sent = code <= 0;
    if !is_sent && let Some(lookup) = LOOKUP.get() {
        lookup(address, &|victim| report_and_abort(&victim));
    }
    // SAFETY: this is the handler in front, and these are its arguments.
    match unsafe { FRONT.hand_on(signal, info, context) } {
        Handed::Called => {}
        Handed::Ignored if is_sent => {}
        // (The kernel lets no process ignore a real fault.)
        Handed::Ignored | Handed::Default => end_by(signal, is_sent),
    }
}

/// Has the process end by the signal, when the handler returns that is called for it.
fn end_by(signal: libc::c_int, is_sent: bool) {
    reset(signal);
    // A fault comes again by itself.
    if is_sent {
        // SAFETY: takes no pointers.
        unsafe { libc::raise(signal) };
    }
}

fn report_and_abort(victim: &Victim<'_>) -> ! {
    let mut digits = [0; 20];
    write_err(b"\ngreenlet ");
    if let Some(name) = victim.name {
        write_err(b"'");
        write_err(name.as_bytes());
        write_err(b"' ");
    }
    write_err(b"(#");
    write_err(decimal(victim.id, &mut digits));
    write_err(b") has overflowed its stack of ");
    write_err(decimal(victim.stack_size as u64, &mut digits));
    write_err(
        b" bytes\nnote: ask for a larger one with `Greenlet::builder().stack_size(bytes)`\n\
          fatal runtime error: stack overflow, aborting\n",
    );
    std::process::abort()
}

fn write_err(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        // SAFETY: writes from a valid buffer; a closed fd 2 only gives an error.
        let n = unsafe { libc::write(2, bytes.as_ptr().cast(), bytes.len()) };
        match usize::try_from(n) {
            Ok(n) if n > 0 => bytes = &bytes[n..],
            _ => return,
        }
    }
}

fn decimal(mut n: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            return &digits[at..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_without_allocating() {
        let mut digits = [0; 20];
        assert_eq!(decimal(0, &mut digits), b"0");
        assert_eq!(decimal(65_536, &mut digits), b"65536");
        assert_eq!(decimal(u64::MAX, &mut digits), b"18446744073709551615");
    }
}

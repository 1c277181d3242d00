//! The report of a stack overflow: which greenlet, how large its stack, how to raise it.
//!
//! Touching a guard raises SIGSEGV, on some systems SIGBUS. The handler asks, through a function that the greenlets
//! installed, whether the address lies in the guard of the running greenlet; if so it prints and
//! aborts, as std does for threads. Any other one goes on to the handler that was there before.
//!
//! What the handler calls is made for that: no allocation, no lock, no formatting machinery; it writes to file descriptor 2 directly. (In a library that is loaded
//! late, the first use of a thread-local allocates. Then a fault inside of the allocator, on a thread that has no greenlets, may wait for ever. So it may in
//! std's own handler.)
#![allow(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::mem::{self, MaybeUninit};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::sys::handler::{Front, Handed, reset};
use crate::sys::mapping::{Chunk, page, protect, unmapped};

/// What the report says of the greenlet that overflowed.
pub(crate) struct Victim<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) id: u64,
    pub(crate) stack_size: usize,
}

/// Finds out whose guard an address is in, and tells `report`. Must be safe to call in a signal handler.
pub(crate) type Lookup = fn(address: usize, report: &dyn Fn(Victim<'_>));

/// A [`Lookup`], or null.
static LOOKUP: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// In front of the signals that a touched guard raises.
static FRONTS: &[&Front] = &[
    &SEGV,
    #[cfg(not(target_os = "linux"))]
    &BUS,
];
static SEGV: Front = Front::new(libc::SIGSEGV);
/// macOS says that of memory which is there and may not be used.
#[cfg(not(target_os = "linux"))]
static BUS: Front = Front::new(libc::SIGBUS);

/// Makes overflow reports work in this process and on this thread.
pub(crate) fn install(lookup: Lookup) {
    LOOKUP.store(lookup as *mut (), Ordering::Relaxed);
    for front in FRONTS {
        front.arm(on_fault);
    }
    ensure_signal_stack();
}

/// How large the signal stacks are that are made here.
const SIGNAL_STACK: usize = 64 << 10;

/// A signal stack that was made here, for the thread whose it is; a guard is at its lowest page, if one was to be had.
struct SignalStack {
    chunk: Chunk,
    is_guarded: bool,
}

impl SignalStack {
    fn new() -> io::Result<Self> {
        let chunk = Chunk::reserve(page() + SIGNAL_STACK.next_multiple_of(page()))?;
        let start = NonNull::new(chunk.range().start as *mut u8).expect("no chunk is at null");
        // SAFETY: the lowest page of what was just reserved, which is not made part of the stack.
        let is_guarded = unsafe { protect(start, page()) }.is_ok();
        let stack = chunk.range().start + page()..chunk.range().end;
        let on = libc::stack_t {
            ss_sp: stack.start as *mut libc::c_void,
            ss_flags: 0,
            ss_size: stack.len(),
        };
        // SAFETY: mapped, above the guard, and used by nothing else; the setting is undone before it is unmapped.
        unsafe { libc::sigaltstack(&on, ptr::null_mut()) };
        Ok(SignalStack { chunk, is_guarded })
    }
}

impl Drop for SignalStack {
    fn drop(&mut self) {
        let off = libc::stack_t {
            ss_sp: ptr::null_mut(),
            ss_flags: libc::SS_DISABLE,
            ss_size: SIGNAL_STACK,
        };
        // SAFETY: switches off what the thread has: this one, or one that somebody has put in its place. No handler runs on it, for no thread ends in one.
        unsafe { libc::sigaltstack(&off, ptr::null_mut()) };
        // SAFETY: the system does not use it any more, and nobody else did.
        unsafe { self.chunk.unmap() };
        unmapped(self.is_guarded.into());
    }
}

/// Gives this thread a signal stack if it has none: threads of std have one, until their locals are destroyed; others may have none.
pub(crate) fn ensure_signal_stack() {
    thread_local! {
        static OWN: Cell<Option<SignalStack>> = const { Cell::new(None) };
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
    let renew = |own: &Cell<_>| {
        drop(own.take());
        own.set(SignalStack::new().ok());
    };
    if OWN.try_with(renew).is_err() {
        // That was destroyed already, and nobody comes later who would undo it.
        mem::forget(SignalStack::new());
    }
}

extern "C" fn on_fault(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: of the system, or null from one who was put in front of this and hands on what he likes.
    let (code, address) = match unsafe { info.as_ref() } {
        // SAFETY: a fault has an address, and what it is of other signals is not looked at.
        Some(info) => (info.si_code, unsafe { info.si_addr() } as usize),
        None => (0, 0),
    };
    // What was sent by a process has no address, and a code that is not positive, or, on BSDs, a large one.
    let is_sent = !(1..1 << 16).contains(&code);
    // SAFETY: null, or put there by `install`.
    let lookup =
        unsafe { mem::transmute::<*mut (), Option<Lookup>>(LOOKUP.load(Ordering::Relaxed)) };
    if !is_sent && let Some(lookup) = lookup {
        lookup(address, &|victim| report_and_abort(&victim));
    }
    let Some(front) = FRONTS.iter().find(|front| front.signal == signal) else {
        return;
    };
    // SAFETY: this is the handler in front, and these are its arguments.
    match unsafe { front.hand_on(info, context) } {
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

//! What another thread does just now: it is sent a signal, whose handler looks.
//!
//! The signal is `SIGURG`, which nobody misses, and which is ignored by default. Everything between [`on_signal`] and [`answer`] runs in a signal
//! handler: no allocation, no lock.
//!
//! Invariants:
//!
//! * **D1** `FOUND` is written only by the thread that has taken `STATE` from `ASKED` to `ANSWERING`, and read only by the one that asked, under
//!   `ASKING`, once it is `ANSWERED`. Only the one who asks makes it `ASKED`, and only while it is `IDLE`.
#![allow(unsafe_code)]

#[cfg(target_os = "linux")]
use std::{
    cell::UnsafeCell,
    mem::MaybeUninit,
    ptr,
    sync::atomic::{AtomicI32, AtomicU32, Ordering},
    sync::{Mutex, OnceLock, PoisonError},
    thread,
    time::Duration,
};

use crate::sys::frames::Frame;
#[cfg(target_os = "linux")]
use crate::sys::frames::{ROOM, walk};
#[cfg(target_os = "linux")]
use crate::sys::handler::hand_on;
#[cfg(target_os = "linux")]
use crate::sys::mapping::page;
use crate::sys::os_thread::ThreadId;

/// Who was found running on a thread.
#[derive(Clone, Copy)]
pub(crate) struct Running {
    pub(crate) id: u64,
    pub(crate) name: Option<&'static str>,
    /// Whether any other greenlet is kept from running.
    pub(crate) others: bool,
    /// The stack that it is on, as far as it is one of ours; `None` while it is being left.
    pub(crate) stack: Option<(usize, usize)>,
}

/// Says who runs on the calling thread, whose stack pointer is that. Must be safe to call in a signal handler. The name has to stay until it returns to
/// what was interrupted.
pub(crate) type Lookup = fn(stack_pointer: usize) -> Option<Running>;

/// What a thread has found when it looked.
pub(crate) struct Found {
    pub(crate) id: u64,
    pub(crate) name: Option<String>,
    pub(crate) others: bool,
    /// What was interrupted, the innermost first; empty if nothing can be said.
    pub(crate) frames: Vec<Frame>,
}

/// Has a thread look at what it does; `None` if it does not answer.
#[cfg(not(target_os = "linux"))]
pub(crate) fn ask(_whom: ThreadId, _lookup: Lookup) -> Option<Found> {
    None
}

#[cfg(target_os = "linux")]
const IDLE: u32 = 0;
#[cfg(target_os = "linux")]
const ASKED: u32 = 1;
#[cfg(target_os = "linux")]
const ANSWERING: u32 = 2;
#[cfg(target_os = "linux")]
const ANSWERED: u32 = 3;

#[cfg(target_os = "linux")]
static ASKING: Mutex<()> = Mutex::new(());
#[cfg(target_os = "linux")]
static STATE: AtomicU32 = AtomicU32::new(IDLE);
#[cfg(target_os = "linux")]
static WHOM: AtomicI32 = AtomicI32::new(0);
#[cfg(target_os = "linux")]
static FOUND: Answer = Answer(UnsafeCell::new(Note::new()));

/// What the handler writes down.
#[cfg(target_os = "linux")]
struct Note {
    id: u64,
    name: [u8; 64],
    name_len: usize,
    others: bool,
    /// It cannot be said where it is, at just this instruction.
    is_between: bool,
    frames: Vec<Frame>,
}

#[cfg(target_os = "linux")]
impl Note {
    const fn new() -> Self {
        Note {
            id: 0,
            name: [0; 64],
            name_len: 0,
            others: false,
            is_between: false,
            frames: Vec::new(),
        }
    }
}

#[cfg(target_os = "linux")]
struct Answer(UnsafeCell<Note>);

// SAFETY: one thread at a time touches it (D1).
#[cfg(target_os = "linux")]
unsafe impl Sync for Answer {}

#[cfg(target_os = "linux")]
struct Installed {
    lookup: Lookup,
    before: libc::sigaction,
}

#[cfg(target_os = "linux")]
static INSTALLED: OnceLock<Installed> = OnceLock::new();

/// The most frames that are noted.
#[cfg(target_os = "linux")]
const FRAMES: usize = 128;

/// How often a thread is asked that is between two stacks each time.
#[cfg(target_os = "linux")]
const ATTEMPTS: usize = 8;

/// Has a thread look at what it does; `None` if it does not answer, because it has ended, or keeps the signal from itself.
#[cfg(target_os = "linux")]
pub(crate) fn ask(whom: ThreadId, lookup: Lookup) -> Option<Found> {
    for _ in 1..ATTEMPTS {
        let (found, is_between) = ask_once(whom, lookup)?;
        if !is_between {
            return Some(found);
        }
    }
    ask_once(whom, lookup).map(|(found, _)| found)
}

#[cfg(target_os = "linux")]
fn ask_once(whom: ThreadId, lookup: Lookup) -> Option<(Found, bool)> {
    let _one_at_a_time = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
    install(lookup);
    // SAFETY: nobody answers while it is `IDLE` (D1).
    unsafe { (*FOUND.0.get()).frames = Vec::with_capacity(FRAMES) };
    WHOM.store(whom, Ordering::Relaxed);
    STATE.store(ASKED, Ordering::Release);
    // SAFETY: sends a signal, whose handler is installed, to a thread of this process, if it is there.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), whom, libc::SIGURG) };
    let mut naps = 0;
    loop {
        thread::sleep(Duration::from_micros(100));
        naps += 1;
        if STATE.load(Ordering::Acquire) == ANSWERED {
            break;
        }
        let withdrawn = naps > 1000
            && STATE
                .compare_exchange(ASKED, IDLE, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if withdrawn {
            return None;
        }
    }
    // SAFETY: it has been answered (D1).
    let note = unsafe { &mut *FOUND.0.get() };
    let found = Found {
        id: note.id,
        name: (note.name_len > 0)
            .then(|| String::from_utf8_lossy(&note.name[..note.name_len]).into_owned()),
        others: note.others,
        frames: std::mem::take(&mut note.frames),
    };
    let is_between = note.is_between;
    STATE.store(IDLE, Ordering::Relaxed);
    (found.id != 0).then_some((found, is_between))
}

#[cfg(target_os = "linux")]
fn install(lookup: Lookup) {
    static ARMED: std::sync::Once = std::sync::Once::new();
    ARMED.call_once(|| {
        // The dynamic linker has to find the unwinder here and not in the handler, on a small stack.
        walk(&mut Vec::with_capacity(FRAMES));
        // Nor does it wait for anybody to have looked how large a page is.
        let _ = page();
        let mut before = MaybeUninit::uninit();
        // SAFETY: reads the present action.
        let got = unsafe { libc::sigaction(libc::SIGURG, ptr::null(), before.as_mut_ptr()) };
        assert_eq!(got, 0, "sigaction");
        INSTALLED.get_or_init(|| Installed {
            lookup,
            // SAFETY: filled in by the kernel.
            before: unsafe { before.assume_init() },
        });
        // SAFETY: a zeroed action is a valid start, and the handler has the three-argument form.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_signal as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
            libc::sigemptyset(&mut action.sa_mask);
            libc::sigaction(libc::SIGURG, &action, ptr::null_mut());
        }
    });
}

#[cfg(target_os = "linux")]
extern "C" fn on_signal(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    let Some(installed) = INSTALLED.get() else {
        return;
    };
    // SAFETY: only reads an id.
    let me = unsafe { libc::gettid() };
    let is_asked = WHOM.load(Ordering::Relaxed) == me
        && STATE
            .compare_exchange(ASKED, ANSWERING, Ordering::Acquire, Ordering::Relaxed)
            .is_ok();
    if is_asked {
        // SAFETY: this thread has taken it from `ASKED` (D1).
        let note = unsafe { &mut *FOUND.0.get() };
        // SAFETY: the kernel hands a valid context to a SA_SIGINFO handler.
        let context = unsafe { &*context.cast::<libc::ucontext_t>() };
        answer(note, context, installed.lookup);
        STATE.store(ANSWERED, Ordering::Release);
        return;
    }
    // SAFETY: the arguments are the ones this handler was called with. Without another one the signal is ignored, as it is by default.
    unsafe { hand_on(&installed.before, signal, info, context) };
}

#[cfg(target_os = "linux")]
fn answer(note: &mut Note, context: &libc::ucontext_t, lookup: Lookup) {
    let registers = registers(context);
    note.id = 0;
    note.is_between = false;
    let Some(running) = lookup(registers.map_or(0, |(_, stack_pointer)| stack_pointer)) else {
        return;
    };
    note.id = running.id;
    let name = running.name.unwrap_or_default().as_bytes();
    note.name_len = name.len().min(note.name.len());
    note.name[..note.name_len].copy_from_slice(&name[..note.name_len]);
    note.others = running.others;
    let Some((interrupted_at, stack_pointer)) = registers else {
        return;
    };
    let Some((floor, top)) = running.stack else {
        return;
    };
    // Between two stacks nothing can be said of either.
    note.is_between = !(floor..top).contains(&stack_pointer) || may_just_arrive(interrupted_at);
    if note.is_between || room(context, floor) < ROOM {
        return;
    }
    walk(&mut note.frames);
    // The handler's own frames lie above it.
    let interrupted = note
        .frames
        .iter()
        .position(|frame| frame.address == interrupted_at);
    note.frames.drain(..interrupted.unwrap_or(0));
}

/// Whether the interrupted instruction is one of those that a switch has left to do when it is on the new stack already, where what is known of the
/// frame is of the old one: `pop rbx`, `pop rbp`, `ret`, `mov rbp, rsi`. Others have them as well, and are asked again.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn may_just_arrive(interrupted_at: usize) -> bool {
    let code = interrupted_at as *const u8;
    // SAFETY: the processor was about to execute what is there.
    let first = unsafe { code.read() };
    match first {
        0x5b | 0x5d | 0xc3 => true,
        // SAFETY: an instruction that begins so has two bytes more.
        0x48 => unsafe { code.add(1).read() == 0x89 && code.add(2).read() == 0xf5 },
        _ => false,
    }
}

/// Where the instructions of a switch are not known there are no registers either.
#[cfg(all(target_os = "linux", not(target_arch = "x86_64")))]
fn may_just_arrive(_interrupted_at: usize) -> bool {
    true
}

/// How much of the stack that the handler runs on is left; `floor` is the end of the one that was interrupted.
#[cfg(target_os = "linux")]
fn room(context: &libc::ucontext_t, floor: usize) -> usize {
    let here = 0_u8;
    let here = ptr::from_ref(&here) as usize;
    let alternate = context.uc_stack.ss_sp as usize;
    let is_there = (alternate..alternate + context.uc_stack.ss_size).contains(&here);
    here.saturating_sub(if is_there { alternate } else { floor })
}

/// The program counter and the stack pointer of what was interrupted, on the machines where they are known.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn registers(context: &libc::ucontext_t) -> Option<(usize, usize)> {
    let registers = &context.uc_mcontext.gregs;
    let read = |register: libc::c_int| registers[register as usize] as usize;
    Some((read(libc::REG_RIP), read(libc::REG_RSP)))
}

/// The program counter and the stack pointer of what was interrupted, on the machines where they are known.
#[cfg(all(target_os = "linux", not(target_arch = "x86_64")))]
fn registers(_context: &libc::ucontext_t) -> Option<(usize, usize)> {
    None
}

//! What another thread does just now: it is sent a signal, whose handler looks.
//!
//! The signal is `SIGURG`, which nobody misses, and which is ignored by default. Everything between [`on_signal`] and [`answer`] runs in a signal
//! handler: no allocation, no lock.
//!
//! Invariants:
//!
//! * **D1** While `WORD` is `HELD`, `NOTE` belongs to whoever asks, who has exchanged it for that; while it is `ANSWERING`, to the thread that is asked, which
//!   has exchanged `ASKED` for that. The word says which thread of which process is asked as well. So a signal that comes late, when its question was withdrawn,
//!   answers no other one, and what was under way when a process was forked off is nothing to the child.
#![allow(unsafe_code)]

#[cfg(target_os = "linux")]
use std::{
    cell::UnsafeCell,
    mem, ptr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

#[cfg(target_os = "linux")]
use crate::sys::fork;
use crate::sys::frames::Frame;
#[cfg(target_os = "linux")]
use crate::sys::frames::{ROOM, is_signal_safe, walk};
#[cfg(target_os = "linux")]
use crate::sys::handler::Front;
#[cfg(target_os = "linux")]
use crate::sys::mapping::page;
use crate::sys::os_thread::ThreadId;

/// Who was found running on a thread.
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "nobody is asked"))]
#[derive(Clone, Copy)]
pub(crate) struct Running {
    /// Tells the thread from all others, also from those that had its number before.
    pub(crate) hub: usize,
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
    pub(crate) hub: usize,
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

/// Nobody asks.
#[cfg(target_os = "linux")]
const IDLE: u64 = 0;
/// Somebody is about to ask, or was answered, or has withdrawn the question.
#[cfg(target_os = "linux")]
const HELD: u64 = 1;
#[cfg(target_os = "linux")]
const ASKED: u64 = 2;
#[cfg(target_os = "linux")]
const ANSWERING: u64 = 3;

/// One of these, in two bits; who is asked, in thirty, which is as long as the system's numbers of threads are; and in which process.
#[cfg(target_os = "linux")]
static WORD: AtomicU64 = AtomicU64::new(IDLE);
#[cfg(target_os = "linux")]
static NOTE: Shared = Shared(UnsafeCell::new(Note::new()));

#[cfg(target_os = "linux")]
fn word(process: u32, whom: ThreadId, state: u64) -> u64 {
    u64::from(process) << 32 | u64::from(whom.cast_unsigned()) << 2 | state
}

/// The turn to ask.
#[cfg(target_os = "linux")]
struct Turn {
    process: u32,
    whom: ThreadId,
}

#[cfg(target_os = "linux")]
impl Turn {
    fn take(whom: ThreadId) -> Self {
        let turn = Turn {
            process: fork::generation(),
            whom,
        };
        loop {
            let seen = WORD.load(Ordering::Relaxed);
            let is_free = seen & 3 == IDLE || seen >> 32 != u64::from(turn.process);
            let held = turn.word(HELD);
            let exchange =
                || WORD.compare_exchange(seen, held, Ordering::Acquire, Ordering::Relaxed);
            if is_free && exchange().is_ok() {
                return turn;
            }
            thread::sleep(NAP);
        }
    }

    fn word(&self, state: u64) -> u64 {
        word(self.process, self.whom, state)
    }
}

#[cfg(target_os = "linux")]
impl Drop for Turn {
    fn drop(&mut self) {
        WORD.store(IDLE, Ordering::Release);
    }
}

/// What the handler is to call, and what it writes down.
#[cfg(target_os = "linux")]
struct Note {
    lookup: Option<Lookup>,
    hub: usize,
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
            lookup: None,
            hub: 0,
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
struct Shared(UnsafeCell<Note>);

// SAFETY: one thread at a time touches it (D1).
#[cfg(target_os = "linux")]
unsafe impl Sync for Shared {}

#[cfg(target_os = "linux")]
static FRONT: Front = Front::new(libc::SIGURG);

/// Whether the handler may look for frames.
#[cfg(target_os = "linux")]
static MAY_WALK: AtomicBool = AtomicBool::new(false);

/// How long one who waits for an answer sleeps before he looks again, and how often he does so.
#[cfg(target_os = "linux")]
const NAP: Duration = Duration::from_micros(100);
#[cfg(target_os = "linux")]
const NAPS: usize = 1000;

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
    let turn = Turn::take(whom);
    install(&turn);
    let note = Note {
        lookup: Some(lookup),
        frames: Vec::with_capacity(FRAMES),
        ..Note::new()
    };
    // SAFETY: it is ours (D1). What was in it is not dropped: it is empty, or this process was forked off in the middle of something.
    unsafe { NOTE.0.get().write(note) };
    WORD.store(turn.word(ASKED), Ordering::Release);
    // SAFETY: sends a signal, whose handler is installed, to a thread of this process, if it is there.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), whom, libc::SIGURG) };
    let is_answered = wait(&turn);
    // SAFETY: it is ours again (D1).
    let note = mem::replace(unsafe { &mut *NOTE.0.get() }, Note::new());
    drop(turn);
    let name = &note.name[..note.name_len];
    let found = Found {
        hub: note.hub,
        id: note.id,
        name: (!name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned()),
        others: note.others,
        frames: note.frames,
    };
    (is_answered && found.id != 0).then_some((found, note.is_between))
}

/// Waits until the question was answered. If it is not in time, it is withdrawn, and the answer is false.
#[cfg(target_os = "linux")]
fn wait(turn: &Turn) -> bool {
    let (asked, held) = (turn.word(ASKED), turn.word(HELD));
    let withdraw = || WORD.compare_exchange(asked, held, Ordering::Relaxed, Ordering::Relaxed);
    let mut naps = 0;
    loop {
        thread::sleep(NAP);
        naps += 1;
        if WORD.load(Ordering::Acquire) == held {
            return true;
        }
        if naps > NAPS && withdraw().is_ok() {
            return false;
        }
    }
}

/// Installs the handler, the first time. There is nothing to wait for: a process that was forked off in the middle of it does it again.
#[cfg(target_os = "linux")]
fn install(_turn: &Turn) {
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.load(Ordering::Relaxed) {
        return;
    }
    // The dynamic linker has to find the unwinder here and not in the handler, on a small stack.
    walk(&mut Vec::with_capacity(FRAMES));
    MAY_WALK.store(is_signal_safe(), Ordering::Relaxed);
    // Nor does it wait for anybody to have looked how large a page is.
    let _ = page();
    FRONT.arm(on_signal);
    DONE.store(true, Ordering::Relaxed);
}

#[cfg(target_os = "linux")]
extern "C" fn on_signal(
    _signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: only reads an id.
    let me = unsafe { libc::gettid() };
    let process = fork::known_generation();
    let [asked, answering, held] = [ASKED, ANSWERING, HELD].map(|state| word(process, me, state));
    let take = WORD.compare_exchange(asked, answering, Ordering::Acquire, Ordering::Relaxed);
    if take.is_ok() {
        // SAFETY: this thread has taken it from `ASKED` (D1).
        let note = unsafe { &mut *NOTE.0.get() };
        // SAFETY: of the system, or null from one who was put in front of this and hands on what he likes.
        if let Some(context) = unsafe { context.cast::<libc::ucontext_t>().as_ref() } {
            answer(note, context);
        }
        WORD.store(held, Ordering::Release);
    }
    // Whether or not it was asked: one that somebody else has sent at the same time is the same signal.
    // SAFETY: this is the handler in front, and these are its arguments. Without another one the signal is ignored, as it is by default.
    unsafe { FRONT.hand_on(info, context) };
}

#[cfg(target_os = "linux")]
fn answer(note: &mut Note, context: &libc::ucontext_t) {
    let registers = registers(context);
    let stack_pointer = registers.map_or(0, |(_, stack_pointer)| stack_pointer);
    let Some(running) = note.lookup.and_then(|lookup| lookup(stack_pointer)) else {
        return;
    };
    note.hub = running.hub;
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
    if !MAY_WALK.load(Ordering::Relaxed) {
        return;
    }
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
/// frame is of the old one: `pop rbx`, `pop rbp`, `ret`, `mov rbp, rsi`. Others have them as well, and are asked again; so are those that cannot be read.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn may_just_arrive(interrupted_at: usize) -> bool {
    let code = |offset| byte(interrupted_at.wrapping_add(offset));
    match code(0) {
        None | Some(0x5b | 0x5d | 0xc3) => true,
        Some(0x48) => code(1) == Some(0x89) && code(2) == Some(0xf5),
        Some(_) => false,
    }
}

/// What is there, if it can be read: code need not be.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn byte(address: usize) -> Option<u8> {
    /// Of a set of signals, as the system has it.
    const WORD: usize = 8;
    const NO_CHANGE: libc::c_int = -1;
    let word = address & !(WORD - 1);
    // SAFETY: the system is to read a set of signals there, as much as is sure to be in one page, and to say that it does not know what to do with
    // it; or that it cannot read that. The interrupted program finds its own error there afterwards.
    let can_be_read = unsafe {
        let error = libc::__errno_location();
        let kept = *error;
        let nowhere = ptr::null_mut::<libc::c_void>();
        libc::syscall(libc::SYS_rt_sigprocmask, NO_CHANGE, word, nowhere, WORD);
        mem::replace(&mut *error, kept) != libc::EFAULT
    };
    // SAFETY: it can be read, and nobody unmaps what this thread was about to execute.
    can_be_read.then(|| unsafe { (address as *const u8).read() })
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

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::sys::mapping::{Chunk, protect, unmapped};
    use crate::sys::os_thread;

    fn seven(_stack_pointer: usize) -> Option<Running> {
        Some(Running {
            hub: 7,
            id: 7,
            name: Some("seven"),
            others: true,
            stack: None,
        })
    }

    fn is_seven(found: Option<Found>) -> bool {
        found.is_some_and(|found| found.id == 7 && found.name.as_deref() == Some("seven"))
    }

    /// A thread that keeps the signal from itself.
    fn deaf() -> (ThreadId, impl FnOnce()) {
        let (tell, told) = channel();
        let (end, ended) = channel::<()>();
        let thread = thread::spawn(move || {
            // SAFETY: a set of this frame's; only this thread's mask changes.
            unsafe {
                let mut set = mem::zeroed();
                libc::sigemptyset(&mut set);
                libc::sigaddset(&mut set, libc::SIGURG);
                libc::pthread_sigmask(libc::SIG_BLOCK, &set, ptr::null_mut());
            }
            tell.send(os_thread::current()).unwrap();
            ended.recv().unwrap_err();
        });
        let finish = || {
            drop(end);
            thread.join().unwrap();
        };
        (told.recv().unwrap(), finish)
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn code_that_cannot_be_read_is_not_read() {
        let chunk = Chunk::reserve(2 * page()).unwrap();
        let start = ptr::NonNull::new(chunk.range().start as *mut u8).unwrap();
        let next = start.as_ptr() as usize + page();
        // SAFETY: nobody else uses it.
        unsafe {
            start.add(page() - 1).write(0x48);
            protect(start.add(page()), page()).unwrap();
            *libc::__errno_location() = libc::EDOM;
        }
        assert_eq!((byte(next - 1), byte(next)), (Some(0x48), None));
        assert!(may_just_arrive(next) && !may_just_arrive(next - 1));
        let error = std::io::Error::last_os_error();
        assert_eq!(error.raw_os_error(), Some(libc::EDOM));
        // SAFETY: nobody uses it any more.
        unsafe { chunk.unmap() };
        unmapped(1);
    }

    #[test]
    fn one_that_does_not_answer_is_not_waited_for_and_the_next_is_asked() {
        let (deaf, finish) = deaf();
        assert!(ask(deaf, seven).is_none());
        assert!(is_seven(ask(os_thread::current(), seven)));
        finish();
    }

    #[test]
    fn a_child_may_ask_that_was_forked_off_in_the_middle_of_a_question() {
        let (deaf, finish) = deaf();
        let forked = &AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(move || {
                while !forked.load(Ordering::Relaxed) {
                    assert!(ask(deaf, seven).is_none());
                }
            });
            while WORD.load(Ordering::Relaxed) != word(fork::generation(), deaf, ASKED) {
                thread::yield_now();
            }
            // SAFETY: the child asks itself, and exits without running anything of the parent's; if it hangs it is ended.
            let child = unsafe {
                let child = libc::fork();
                if child == 0 {
                    libc::alarm(60);
                    let found = ask(os_thread::current(), seven);
                    libc::_exit(i32::from(!is_seven(found)));
                }
                child
            };
            forked.store(true, Ordering::Relaxed);
            let mut status = -1;
            // SAFETY: the status is this frame's.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0);
        });
        finish();
    }
}

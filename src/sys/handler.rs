//! Signal handlers that were there before ours.
#![allow(unsafe_code)]

/// Hands a signal to the handler of the action that was installed before; false if there is none, for the signal is ignored or does what it does by
/// default.
///
/// # Safety
///
/// To be called from a handler, with its own arguments, and the action for that signal as the system has told it.
pub(crate) unsafe fn hand_on(
    before: &libc::sigaction,
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) -> bool {
    match before.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => return false,
        handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: SA_SIGINFO says that the handler has this form.
            let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                unsafe { std::mem::transmute(handler) };
            handler(signal, info, context);
        }
        handler => {
            // SAFETY: without SA_SIGINFO a handler has this form.
            let handler: extern "C" fn(libc::c_int) = unsafe { std::mem::transmute(handler) };
            handler(signal);
        }
    }
    true
}

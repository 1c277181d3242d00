//! [`select!`](crate::channel::select!).

/// Waits for several operations on channels, and does the first that can be done; the syntax is crossbeam-channel's.
///
/// ```
/// use std::time::Duration;
/// use greenlet::channel::{bounded, select, unbounded};
///
/// let (s1, r1) = unbounded();
/// let (s2, _r2) = bounded(0);
/// s1.send(1).unwrap();
/// let what = select! {
///     recv(r1) -> message => message.unwrap(),
///     send(s2, "two") -> result => {
///         result.unwrap();
///         2
///     }
///     default(Duration::from_secs(1)) => 3,
/// };
/// assert_eq!(what, 1);
/// ```
///
/// * `recv(receiver) -> pattern => body`: the pattern is bound to a `Result<T, RecvError>`.
/// * `send(sender, message) -> pattern => body`: to a `Result<(), SendError<T>>`. The message is evaluated only when it is to be sent.
/// * `default => body`: if nothing can be done now.
/// * `default(limit) => body`: if nothing could be done for so long.
///
/// Bodies are blocks, or expressions with a comma behind; all of one type, that of the whole. They run in the function around it: `return`, `?`, and in a loop
/// `break` and `continue`, do what they look like. Channels may be given by place or by reference, and are looked at once, in order.
///
/// If several operations can be done, an arbitrary one is, by pseudo-random numbers, each as likely as the others, so that none is starved. Operations on disconnected channels can be done: they give
/// errors; put a [`never`](crate::channel::never) in the place of a receiver that is to be left out.
///
/// Switches only if nothing can be done now and there is no plain `default`; and where [`try_recv`](crate::channel::Receiver::try_recv) does. A kill, or the end of an enclosing limit, ends the
/// wait, and nothing is done. If the evaluation of a message panics, or leaves the select, nothing is sent.
#[macro_export]
macro_rules! select {
    // Arms: [what waits to be parsed] [index] [bound: (index, end, method, (message)?, pattern, body)] [default]
    (@arms [] [$($index:tt)*] [$($bound:tt)*] [$($default:tt)*]) => {
        $crate::select!(@run [$($bound)*] [$($default)*])
    };

    (@arms [recv($receiver:expr $(,)?) -> $pattern:pat => $body:expr $(,)?] [$($index:tt)*] [$($bound:tt)*] [$($default:tt)*]) => {
        $crate::select!(@recv [] [$($index)*] [$($bound)*] [$($default)*] $receiver, $pattern, $body)
    };
    (@arms [recv($receiver:expr $(,)?) -> $pattern:pat => $body:expr, $($rest:tt)+] [$($index:tt)*] [$($bound:tt)*] [$($default:tt)*]) => {
        $crate::select!(@recv [$($rest)+] [$($index)*] [$($bound)*] [$($default)*] $receiver, $pattern, $body)
    };
    (@arms [recv($receiver:expr $(,)?) -> $pattern:pat => $body:block $($rest:tt)+] [$($index:tt)*] [$($bound:tt)*] [$($default:tt)*]) => {
        $crate::select!(@recv [$($rest)+] [$($index)*] [$($bound)*] [$($default)*] $receiver, $pattern, $body)
    };

    (@arms [send($sender:expr, $message:expr $(,)?) -> $pattern:pat => $body:expr $(,)?] [$($index:tt)*] [$($bound:tt)*] [$($default:tt)*]) => {
        $crate::select!(@send [] [$($index)*] [$($bound)*] [$($default)*] $sender, $message, $pattern, $body)
    };
    (@arms [send($sender:expr, $message:expr $(,)?) -> $pattern:pat => $body:expr, $($rest:tt)+] [$($index:tt)*] [$($bound:tt)*] [$($default:tt)*]) => {
        $crate::select!(@send [$($rest)+] [$($index)*] [$($bound)*] [$($default)*] $sender, $message, $pattern, $body)
    };
    (@arms [send($sender:expr, $message:expr $(,)?) -> $pattern:pat => $body:block $($rest:tt)+] [$($index:tt)*] [$($bound:tt)*] [$($default:tt)*]) => {
        $crate::select!(@send [$($rest)+] [$($index)*] [$($bound)*] [$($default)*] $sender, $message, $pattern, $body)
    };

    (@arms [default $(($($limit:expr)? $(,)?))? => $body:expr $(,)?] [$($index:tt)*] [$($bound:tt)*] []) => {
        $crate::select!(@arms [] [$($index)*] [$($bound)*] [($($($limit)?)?) $body])
    };
    (@arms [default $(($($limit:expr)? $(,)?))? => $body:expr, $($rest:tt)+] [$($index:tt)*] [$($bound:tt)*] []) => {
        $crate::select!(@arms [$($rest)+] [$($index)*] [$($bound)*] [($($($limit)?)?) $body])
    };
    (@arms [default $(($($limit:expr)? $(,)?))? => $body:block $($rest:tt)+] [$($index:tt)*] [$($bound:tt)*] []) => {
        $crate::select!(@arms [$($rest)+] [$($index)*] [$($bound)*] [($($($limit)?)?) $body])
    };
    (@arms [default $($rest:tt)*] $index:tt $bound:tt [$($default:tt)+]) => {
        ::core::compile_error!("there can be only one `default` in a `select!`")
    };
    (@arms [$($rest:tt)*] $index:tt $bound:tt $default:tt) => {
        ::core::compile_error!(
            "expected `recv(receiver) -> pattern => body`, `send(sender, message) -> pattern => body`, `default => body` or `default(limit) => body`"
        )
    };

    (@recv $rest:tt [$($index:tt)*] [$($bound:tt)*] $default:tt $receiver:expr, $pattern:pat, $body:expr) => {
        match $receiver {
            ref end => {
                let end: &$crate::channel::Receiver<_> = end;
                $crate::select!(
                    @arms $rest [$($index)* + 1] [$($bound)* ($($index)*, end, recv, (), $pattern, $body)] $default
                )
            }
        }
    };
    (@send $rest:tt [$($index:tt)*] [$($bound:tt)*] $default:tt $sender:expr, $message:expr, $pattern:pat, $body:expr) => {
        match $sender {
            ref end => {
                let end: &$crate::channel::Sender<_> = end;
                $crate::select!(
                    @arms $rest [$($index)* + 1] [$($bound)* ($($index)*, end, send, ($message), $pattern, $body)] $default
                )
            }
        }
    };

    (@run [$($bound:tt)*] []) => {{
        let selected = $crate::__select::select([$($crate::select!(@operation $bound)),*]);
        $crate::select!(@complete selected [$($bound)*])
    }};
    (@run [$($bound:tt)*] [() $default:expr]) => {
        match $crate::__select::try_select([$($crate::select!(@operation $bound)),*]) {
            ::core::option::Option::None => $default,
            ::core::option::Option::Some(selected) => {
                let selected = $crate::__select::take(selected);
                $crate::select!(@complete selected [$($bound)*])
            }
        }
    };
    (@run [$($bound:tt)*] [($limit:expr) $default:expr]) => {
        match $crate::__select::select_timeout([$($crate::select!(@operation $bound)),*], $limit) {
            ::core::option::Option::None => $default,
            ::core::option::Option::Some(selected) => {
                let selected = $crate::__select::take(selected);
                $crate::select!(@complete selected [$($bound)*])
            }
        }
    };

    (@operation ($index:expr, $end:ident, $method:ident, $message:tt, $pattern:pat, $body:expr)) => {
        $crate::__select::$method($end, $index)
    };

    (@complete $selected:ident [$(($index:expr, $end:ident, $method:ident, ($($message:expr)?), $pattern:pat, $body:expr))*]) => {
        $(if $selected.index() == $index {
            let $pattern = $selected.$method($end $(, $message)?);
            $body
        } else)* {
            ::core::unreachable!("an operation was selected that was not there")
        }
    };

    () => {
        ::core::compile_error!("empty `select!` block")
    };
    ($($arms:tt)+) => {
        $crate::select!(@arms [$($arms)+] [0] [] [])
    };
}

/// For the macro.
#[doc(hidden)]
pub mod run {
    use std::mem::ManuallyDrop;
    use std::time::Duration;

    use crate::channel::receiver::Receiver;
    use crate::channel::select::{Operation, Patience, SelectedOperation};
    use crate::channel::sender::Sender;
    use crate::util::deadline::Deadline;

    #[allow(missing_debug_implementations)]
    pub struct Prepared<'a>(Operation<'a>);

    pub fn recv<T>(receiver: &Receiver<T>, index: usize) -> Prepared<'_> {
        Prepared(Operation::new(receiver, index))
    }

    pub fn send<T>(sender: &Sender<T>, index: usize) -> Prepared<'_> {
        Prepared(Operation::new(sender, index))
    }

    #[track_caller]
    pub fn select<const N: usize>(operations: [Prepared<'_>; N]) -> SelectedOperation<'_> {
        let selected = run(operations, Patience::Until(Deadline::Never));
        selected.expect("there is no deadline")
    }

    /// Drops nothing where it is matched on, so that the bodies may move the channels.
    pub type Selected<'a> = ManuallyDrop<SelectedOperation<'a>>;

    pub fn take(selected: Selected<'_>) -> SelectedOperation<'_> {
        ManuallyDrop::into_inner(selected)
    }

    #[track_caller]
    pub fn try_select<const N: usize>(operations: [Prepared<'_>; N]) -> Option<Selected<'_>> {
        run(operations, Patience::None).map(ManuallyDrop::new)
    }

    #[track_caller]
    pub fn select_timeout<const N: usize>(
        operations: [Prepared<'_>; N],
        limit: Duration,
    ) -> Option<Selected<'_>> {
        run(operations, Patience::limit(limit)).map(ManuallyDrop::new)
    }

    #[track_caller]
    fn run<const N: usize>(
        operations: [Prepared<'_>; N],
        patience: Patience,
    ) -> Option<SelectedOperation<'_>> {
        let mut operations = operations.map(|prepared| prepared.0);
        crate::channel::select::select(&mut operations, true, patience)
    }
}

//! Which traits the types have, for values that have all or some of them.

use std::cell::Cell;
use std::fmt::{Debug, Display};
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::MutexGuard as SyncNotSend;

use super::check;
use super::fs::{DirBuilder, DirEntry, File, OpenOptions, ReadDir};
use super::io::{PipeReader, PipeWriter, Stderr, StderrLock, Stdin, StdinLock, Stdout, StdoutLock};
use super::net::{self, TcpListener, TcpStream, UdpSocket};
use super::os::unix::net::{self as unix_net, UnixDatagram, UnixListener, UnixStream};
use super::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use super::sync::mpsc::{IntoIter, Iter, Receiver, Sender, SyncSender, TryIter};
use super::sync::{
    Barrier, BarrierWaitResult, Condvar, LazyLock, Mutex, MutexGuard, Once, OnceLock, RwLock,
    RwLockReadGuard, RwLockWriteGuard, WaitTimeoutResult,
};
use super::thread::{AccessError, Builder, LocalKey, Thread, ThreadId};

struct Has<T: ?Sized>(PhantomData<T>);

/// What is true of `Has` by an inherent constant is false by this trait otherwise.
macro_rules! probe {
    ($($name:ident: $bound:path),*) => {
        trait Otherwise {
            $(const $name: bool = false;)*
        }
        impl<T: ?Sized> Otherwise for Has<T> {}
        $(impl<T: ?Sized + $bound> Has<T> {
            const $name: bool = true;
        })*
    };
}

probe!(SEND: Send, SYNC: Sync, UNWIND: UnwindSafe, REF_UNWIND: RefUnwindSafe, DEBUG: Debug, DISPLAY: Display);

// These need a size.
macro_rules! probe_sized {
    ($($name:ident: $bound:path),*) => {
        trait OtherwiseSized {
            $(const $name: bool = false;)*
        }
        impl<T> OtherwiseSized for Has<T> {}
        $(impl<T: $bound> Has<T> {
            const $name: bool = true;
        })*
    };
}

probe_sized!(CLONE: Clone, COPY: Copy, DEFAULT: Default, EQ: Eq);

type Row = (String, [bool; 10]);

macro_rules! rows {
    ($($type:ty),* $(,)?) => {
        [$((
            stringify!($type).replace(' ', ""),
            [
                Has::<$type>::SEND,
                Has::<$type>::SYNC,
                Has::<$type>::UNWIND,
                Has::<$type>::REF_UNWIND,
                Has::<$type>::DEBUG,
                Has::<$type>::DISPLAY,
                Has::<$type>::CLONE,
                Has::<$type>::COPY,
                Has::<$type>::DEFAULT,
                Has::<$type>::EQ,
            ],
        )),*]
    };
}

macro_rules! rows_for {
    ($($value:ty),* $(,)?) => {
        [$(rows!(
            Mutex<$value>,
            MutexGuard<'static, $value>,
            RwLock<$value>,
            RwLockReadGuard<'static, $value>,
            RwLockWriteGuard<'static, $value>,
            OnceLock<$value>,
            LazyLock<$value>,
            LazyLock<i32, $value>,
            Sender<$value>,
            SyncSender<$value>,
            Receiver<$value>,
            Iter<'static, $value>,
            TryIter<'static, $value>,
            IntoIter<$value>,
            LocalKey<$value>,
        )),*]
    };
}

/// A type and its traits in every row. `OnceState` is left out: std's is not `Sync`, for no reason that holds for others. So are `Scope` and the
/// handles: here they stay on their thread, as their greenlets do.
pub(crate) fn table() -> Vec<Row> {
    let mut table = Vec::from(rows!(
        Condvar,
        WaitTimeoutResult,
        Barrier,
        BarrierWaitResult,
        Once,
        Thread,
        ThreadId,
        AccessError,
        Builder,
        File,
        OpenOptions,
        DirBuilder,
        ReadDir,
        DirEntry,
        TcpStream,
        TcpListener,
        net::Incoming<'static>,
        UdpSocket,
        UnixStream,
        UnixListener,
        unix_net::Incoming<'static>,
        unix_net::SocketAddr,
        UnixDatagram,
        PipeReader,
        PipeWriter,
        Stdin,
        StdinLock<'static>,
        Stdout,
        StdoutLock<'static>,
        Stderr,
        StderrLock<'static>,
        Child,
        ChildStdin,
        ChildStdout,
        ChildStderr,
        Command,
    ));
    let values = rows_for!(
        i32,
        Cell<i32>,
        Rc<i32>,
        SyncNotSend<'static, i32>,
        &'static mut i32,
        Box<dyn Send>,
    );
    table.extend(values.into_iter().flatten());
    table
}

#[test]
fn the_table_tells_traits_apart() {
    check(|| {
        let table = table();
        let traits = |name| table.iter().find(|row| row.0 == name).unwrap().1;
        assert_eq!(traits("Mutex<i32>")[..2], [true, true]);
        assert_eq!(traits("Mutex<Rc<i32>>")[..2], [false, false]);
        assert_eq!(traits("RwLock<Cell<i32>>")[..2], [true, false]);
        assert_eq!(traits("Receiver<i32>")[..2], [true, false]);
    });
}

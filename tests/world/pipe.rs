//! `io::pipe`.
#![allow(unsafe_code, reason = "a bare descriptor is taken over")]

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use greenlet::io::{ErrorKind, IoSlice, IoSliceMut, PipeReader, PipeWriter, Read, Write, pipe};
use greenlet::{spawn, timeout, yield_now};

use crate::support::world_checked;

const MS: Duration = Duration::from_millis(1);

fn is_nonblocking(fd: &impl AsRawFd) -> bool {
    // SAFETY: takes no pointers.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
    assert!(flags >= 0);
    flags & libc::O_NONBLOCK != 0
}

#[test]
fn what_is_written_is_read_and_then_the_end() {
    world_checked(|| {
        let (mut reader, mut writer) = pipe().unwrap();
        let got = spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).unwrap();
            text
        });
        yield_now();
        writer.write_all(b"one ").unwrap();
        yield_now();
        let slices = [IoSlice::new(b"t"), IoSlice::new(b"wo")];
        assert_eq!(writer.write_vectored(&slices).unwrap(), 3);
        writer.flush().unwrap();
        assert!(!got.is_finished());
        drop(writer);
        assert_eq!(got.join().unwrap(), "one two");
    });
}

#[test]
fn a_writer_waits_while_the_pipe_is_full() {
    world_checked(|| {
        let (mut reader, mut writer) = pipe().unwrap();
        let sender = spawn(move || writer.write_all(&vec![7; 300_000]));
        yield_now();
        assert!(!sender.is_finished());
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        sender.join().unwrap().unwrap();
        assert!(all == vec![7; 300_000]);
    });
}

#[test]
fn a_write_to_nobody_is_an_error() {
    world_checked(|| {
        let (reader, mut writer) = pipe().unwrap();
        let full = spawn(move || writer.write_all(&vec![0; 300_000]));
        yield_now();
        drop(reader);
        assert_eq!(
            full.join().unwrap().unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
    });
}

#[test]
fn a_killed_reader_and_a_limit_take_nothing() {
    world_checked(|| {
        let (reader, writer) = pipe().unwrap();
        let reader = Rc::new(reader);
        let theirs = reader.clone();
        let killed = spawn(move || (&*theirs).read(&mut [0; 8]));
        yield_now();
        (&writer).write_all(b"ab").unwrap();
        killed.kill();
        drop(killed.join());
        assert_eq!((&*reader).read(&mut [0; 8]).unwrap(), 2);
        assert!(timeout(MS, || (&*reader).read(&mut [0; 8])).is_err());
        (&writer).write_all(b"cde").unwrap();
        let (mut one, mut two) = ([0; 1], [0; 8]);
        let mut buffers = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
        assert_eq!((&*reader).read_vectored(&mut buffers).unwrap(), 3);
        assert_eq!((one, &two[..2]), (*b"c", &b"de"[..]));
    });
}

#[test]
fn readers_are_served_in_the_order_of_coming() {
    world_checked(|| {
        let (reader, mut writer) = pipe().unwrap();
        let reader = Rc::new(reader);
        let readers = [(); 3].map(|()| {
            let reader = reader.clone();
            let reading = spawn(move || {
                let mut byte = [0];
                (&*reader).read_exact(&mut byte).unwrap();
                byte[0]
            });
            yield_now();
            reading
        });
        for byte in [1, 2, 3] {
            writer.write_all(&[byte]).unwrap();
            yield_now();
        }
        assert_eq!(readers.map(|reading| reading.join().unwrap()), [1, 2, 3]);
    });
}

#[test]
fn a_clone_is_another_owner_of_the_same_end() {
    world_checked(|| {
        let (reader, mut writer) = pipe().unwrap();
        let mut other = writer.try_clone().unwrap();
        let mut second = reader.try_clone().unwrap();
        writer.write_all(b"a").unwrap();
        drop(writer);
        other.write_all(b"b").unwrap();
        drop(reader);
        drop(other);
        let mut text = String::new();
        second.read_to_string(&mut text).unwrap();
        assert_eq!(text, "ab");
    });
}

#[test]
fn conversions_keep_the_pipe_and_restore_its_mode() {
    world_checked(|| {
        let (reader, writer) = pipe().unwrap();
        assert!(is_nonblocking(&reader) && is_nonblocking(&writer));
        let reader = OwnedFd::from(reader);
        assert!(!is_nonblocking(&reader));
        let reader = PipeReader::from(reader);
        assert!(is_nonblocking(&reader));
        let fd = writer.into_raw_fd();
        // SAFETY: it was given away just now.
        let writer = unsafe { PipeWriter::from_raw_fd(fd) };
        assert!(is_nonblocking(&writer));
        let mut writer = writer.into_std().unwrap();
        assert!(!is_nonblocking(&writer));
        writer.write_all(b"x").unwrap();
        let mut reader = PipeReader::from_std(reader.into_std().unwrap()).unwrap();
        reader.read_exact(&mut [0]).unwrap();
        let file = File::from(OwnedFd::from(reader));
        assert!(!is_nonblocking(&file));
    });
}

#[test]
fn a_child_process_is_given_an_end_that_blocks() {
    world_checked(|| {
        let (mut reader, writer) = pipe().unwrap();
        // More than there is room for, so that `sh` would be told if the pipe did not block.
        let script = "i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789 || exit 9; i=$((i+1)); done";
        let mut child = Command::new("sh")
            .args(["-c", script])
            .stdin(Stdio::null())
            .stdout(writer)
            .spawn()
            .unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text.lines().count(), 3000);
        assert!(child.wait().unwrap().success());
    });
}

//! Files: `fs`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ffi::CString;
use std::fs as std_fs;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use greenlet::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use greenlet::os::unix::fs::{
    DirBuilderExt, DirEntryExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt,
    fchown, symlink,
};
use greenlet::{AnyGreenlet, JoinHandle, join_all, sleep, spawn, timeout, yield_now};

use crate::fork::in_a_fork;
use crate::listing;
use crate::support::{TempDir, world_checked};

const SOON: Duration = Duration::from_millis(1);
/// Enough that a thread has probably begun by then; no test relies on that.
const A_WHILE: Duration = Duration::from_millis(20);
const HOUR: Duration = Duration::from_secs(3600);

/// How many calls are made at one time.
const MOST: usize = 16;
/// How much one call reads or writes.
const LONGEST: usize = 1 << 20;

#[allow(unsafe_code, reason = "std has no call for it")]
fn mkfifo(path: &Path) {
    let path = CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: it is a string, and lives during the call.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
}

/// A FIFO that is open for both, so that reads wait in the system for what is written.
fn fifo(dir: &TempDir, name: &str) -> File {
    mkfifo(&dir.join(name));
    let mut options = OpenOptions::new();
    options.read(true).write(true).open(dir.join(name)).unwrap()
}

/// The other end of a FIFO, if somebody has it open for reading or waits for that.
fn writer(path: &Path) -> io::Result<std_fs::File> {
    let mut options = std_fs::OpenOptions::new();
    options
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
}

/// Has so many calls go on that wait for the other end of a FIFO.
fn open_fifos(dir: &TempDir, count: usize) -> Vec<JoinHandle<File>> {
    let open = |n| {
        let path = dir.join(format!("fifo-{n}"));
        mkfifo(&path);
        spawn(move || File::open(path).unwrap())
    };
    (0..count).map(open).collect()
}

/// Lets that call of these end, once it goes on.
fn end_open(dir: &TempDir, n: usize) {
    let path = dir.join(format!("fifo-{n}"));
    while let Err(error) = writer(&path) {
        assert_eq!(error.raw_os_error(), Some(libc::ENXIO), "{error}");
        sleep(SOON);
    }
}

fn waits_for(greenlet: &AnyGreenlet) -> String {
    let refused = greenlet.try_switch::<(), ()>(()).unwrap_err();
    refused.to_string()
}

/// A greenlet that reads what comes next.
fn spawn_read(file: &Rc<File>, most: usize) -> JoinHandle<Vec<u8>> {
    let file = file.clone();
    spawn(move || {
        let mut buffer = vec![0; most];
        let count = (&*file).read(&mut buffer).unwrap();
        buffer.truncate(count);
        buffer
    })
}

/// Waits until everything that was written was read.
fn drained(file: &File) {
    #[allow(unsafe_code, reason = "std has no call for it")]
    fn unread(file: &File) -> i32 {
        let mut count = 0;
        // SAFETY: the count lives during the call.
        let status = unsafe { libc::ioctl(file.as_raw_fd(), libc::FIONREAD, &raw mut count) };
        assert_eq!(status, 0);
        count
    }
    while unread(file) > 0 {
        sleep(SOON);
    }
}

#[test]
fn others_go_on_while_a_call_waits() {
    world_checked(|| {
        let dir = TempDir::new();
        let file = Rc::new(fifo(&dir, "fifo"));
        let reader = spawn_read(&file, 10);
        sleep(A_WHILE);
        let waits = waits_for(&reader.greenlet());
        assert!(waits.contains("a call of the file system"), "{waits}");
        // Through the same file as well.
        assert_eq!((&*file).write(b"hello").unwrap(), 5);
        assert_eq!(reader.join().unwrap(), b"hello");
    });
}

#[test]
fn a_thousand_files_at_once() {
    world_checked(|| {
        let dir = Rc::new(TempDir::new());
        let going = Rc::new(Cell::new(0));
        let ticks = Rc::new(Cell::new(0));
        let (g, t) = (going.clone(), ticks.clone());
        let ticker = spawn(move || {
            loop {
                t.set(t.get() + usize::from(g.get() > 0));
                yield_now();
            }
        });
        let handles: Vec<_> = (0..1000)
            .map(|n: u32| {
                let (dir, going) = (dir.clone(), going.clone());
                spawn(move || {
                    going.set(going.get() + 1);
                    let path = dir.join(n.to_string());
                    let mut file = File::create_new(&path).unwrap();
                    file.write_all(&n.to_le_bytes()).unwrap();
                    file.rewind().unwrap();
                    let mut read = [0; 4];
                    file.read_exact(&mut read).unwrap();
                    assert_eq!(fs::read(&path).unwrap(), read);
                    going.set(going.get() - 1);
                    u32::from_le_bytes(read)
                })
            })
            .collect();
        let read = join_all(handles).into_iter().map(Result::unwrap);
        assert!(read.eq(0..1000));
        assert!(ticks.get() > 0, "nobody else had a turn");
        ticker.kill();
        assert!(ticker.join().is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1000);
    });
}

#[test]
fn no_more_calls_than_the_bound_are_made_at_once_and_in_the_order_of_coming() {
    world_checked(|| {
        const CALLS: usize = MOST + 4;
        let dir = TempDir::new();
        let handles = open_fifos(&dir, CALLS);
        sleep(A_WHILE);
        let last = waits_for(&handles[CALLS - 1].greenlet());
        assert!(last.contains("a turn to call the file system"), "{last}");
        for n in 0..CALLS {
            // Nobody has ended this one yet, so these have to wait.
            for later in n + MOST..CALLS {
                let path = dir.join(format!("fifo-{later}"));
                let error = writer(&path).unwrap_err();
                assert_eq!(error.raw_os_error(), Some(libc::ENXIO), "{later} goes on");
            }
            end_open(&dir, n);
        }
        join_all(handles)
            .into_iter()
            .for_each(|file| drop(file.unwrap()));
    });
}

#[test]
fn who_gives_up_before_its_turn_has_called_nothing() {
    world_checked(|| {
        let dir = TempDir::new();
        fs::write(dir.join("old"), "from the beginning").unwrap();
        let mut old = File::open(dir.join("old")).unwrap();
        let held_up = open_fifos(&dir, MOST);
        yield_now();
        let path = dir.join("new");
        let p = path.clone();
        let killed = spawn(move || fs::write(p, "killed"));
        yield_now();
        assert!(timeout(SOON, || fs::write(&path, "too late")).is_err());
        let p = path.clone();
        let next = spawn(move || fs::exists(p));
        yield_now();
        killed.kill();
        assert!(killed.join().is_err());
        assert!(timeout(SOON, || old.read(&mut [0; 4])).is_err());
        (0..MOST).for_each(|n| end_open(&dir, n));
        assert!(!next.join().unwrap().unwrap());
        join_all(held_up);
        let mut text = String::new();
        old.read_to_string(&mut text).unwrap();
        assert_eq!(text, "from the beginning");
        assert!(!fs::exists(&path).unwrap());
        // What is pending is raised before anything is done.
        assert!(timeout(Duration::ZERO, || fs::write(&path, "pending")).is_err());
        assert!(!fs::exists(&path).unwrap());
    });
}

#[test]
fn who_is_killed_between_its_turn_and_the_call_has_called_nothing() {
    world_checked(|| {
        let dir = TempDir::new();
        let held_up = open_fifos(&dir, MOST);
        yield_now();
        let path = dir.join("new");
        let p = path.clone();
        let victim = spawn(move || fs::write(p, "killed"));
        yield_now();
        end_open(&dir, 0);
        // The turn is its own by now, but it has not run.
        thread::sleep(A_WHILE);
        victim.kill();
        assert!(victim.join().is_err());
        assert!(!fs::exists(&path).unwrap());
        (1..MOST).for_each(|n| end_open(&dir, n));
        join_all(held_up);
    });
}

#[test]
fn a_read_that_is_given_up_goes_on_and_the_next_one_waits_for_it() {
    world_checked(|| {
        let dir = TempDir::new();
        for by_a_kill in [true, false] {
            let file = Rc::new(fifo(&dir, &by_a_kill.to_string()));
            match by_a_kill {
                true => {
                    let killed = spawn_read(&file, 10);
                    sleep(SOON);
                    killed.kill();
                    assert!(killed.join().is_err());
                }
                false => assert!(timeout(SOON, || (&*file).read(&mut [0; 10])).is_err()),
            }
            let next = spawn_read(&file, 10);
            yield_now();
            let waits = waits_for(&next.greenlet());
            assert!(waits.contains("that was given up"), "{waits}");
            // Through a clone as well.
            let clone = Rc::new(file.try_clone().unwrap());
            let third = spawn_read(&clone, 3);
            yield_now();
            assert!(waits_for(&third.greenlet()).contains("that was given up"));
            let mut writer = writer(&dir.join(by_a_kill.to_string())).unwrap();
            writer.write_all(b"lost").unwrap();
            drained(&file);
            for part in [b"one", b"two"] {
                writer.write_all(part).unwrap();
                drained(&file);
            }
            let mut read = [next.join().unwrap(), third.join().unwrap()];
            read.sort();
            assert_eq!(read, [b"one", b"two"]);
        }
    });
}

#[test]
fn a_writer_that_gives_up_at_times_keeps_the_order() {
    world_checked(|| {
        let dir = TempDir::new();
        let path = dir.join("log");
        let file = File::options()
            .append(true)
            .create(true)
            .open(&path)
            .unwrap();
        let written: Vec<bool> = (0..300_u32)
            .map(|n| {
                let line = n.to_le_bytes();
                let limit = Duration::from_micros(u64::from(n % 10));
                match n % 3 {
                    0 => (&file).write(&line).is_ok(),
                    _ => timeout(limit, || (&file).write(&line)).is_ok(),
                }
            })
            .collect();
        file.sync_all().unwrap();
        let bytes = fs::read(&path).unwrap();
        let lines = bytes
            .chunks(4)
            .map(|line| u32::from_le_bytes(line.try_into().unwrap()));
        let lines: Vec<_> = lines.collect();
        assert!(lines.is_sorted_by(|one, next| one < next), "{lines:?}");
        for (n, written) in written.into_iter().enumerate() {
            let there = lines.contains(&u32::try_from(n).unwrap());
            assert!(there || !written, "{n} is lost");
        }
    });
}

#[test]
fn what_is_opened_for_nobody_is_closed() {
    world_checked(|| {
        let dir = TempDir::new();
        let opener = open_fifos(&dir, 1).pop().unwrap();
        sleep(SOON);
        opener.kill();
        assert!(opener.join().is_err());
        // The check counts descriptors once this has ended.
        end_open(&dir, 0);
    });
}

#[test]
fn a_conversion_waits_for_the_call_that_was_given_up() {
    world_checked(|| {
        let dir = TempDir::new();
        let file = fifo(&dir, "fifo");
        assert!(timeout(SOON, || (&file).read(&mut [0; 10])).is_err());
        let converter = spawn(move || file.into_std());
        yield_now();
        assert!(waits_for(&converter.greenlet()).contains("that was given up"));
        let mut writer = writer(&dir.join("fifo")).unwrap();
        writer.write_all(b"lost").unwrap();
        let mut file = converter.join().unwrap();
        writer.write_all(b"read").unwrap();
        let mut read = [0; 4];
        file.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"read");
    });
}

#[test]
fn destructors_call_as_well() {
    struct Remove(std::path::PathBuf);

    impl Drop for Remove {
        fn drop(&mut self) {
            fs::remove_file(&self.0).unwrap();
        }
    }

    world_checked(|| {
        let dir = TempDir::new();
        let path = dir.join("temporary");
        fs::write(&path, "").unwrap();
        let p = path.clone();
        let killed = spawn(move || {
            let _remove = Remove(p);
            sleep(HOUR);
        });
        yield_now();
        killed.kill();
        assert!(killed.join().is_err());
        assert!(!fs::exists(&path).unwrap());
    });
}

#[test]
fn long_transfers_are_made_of_bounded_calls() {
    world_checked(|| {
        let dir = TempDir::new();
        let path = dir.join("long");
        let bytes: Vec<u8> = (0..3 * LONGEST + 5).map(|n| (n % 251) as u8).collect();
        let mut file = File::create_new(&path).unwrap();
        assert_eq!(file.write(&bytes).unwrap(), LONGEST);
        file.write_all(&bytes[LONGEST..]).unwrap();
        file.rewind().unwrap();
        let mut read = vec![0; bytes.len()];
        assert_eq!(file.read(&mut read).unwrap(), LONGEST);
        file.read_exact(&mut read[LONGEST..]).unwrap();
        assert!(read == bytes);
        // In one call, and behind what is there.
        file.seek(SeekFrom::Start(5)).unwrap();
        let mut read = vec![9];
        assert_eq!(file.read_to_end(&mut read).unwrap(), bytes.len() - 5);
        assert!(read[0] == 9 && read[1..] == bytes[5..]);
        assert_eq!(file.read(&mut [0; 5]).unwrap(), 0);
        assert!(fs::read(&path).unwrap() == bytes);
    });
}

#[test]
fn several_buffers_in_one_call() {
    world_checked(|| {
        let dir = TempDir::new();
        let mut file = File::create_new(dir.join("file")).unwrap();
        let parts = [b"one ".as_slice(), b"", b"two"].map(IoSlice::new);
        assert_eq!(file.write_vectored(&parts).unwrap(), 7);
        file.rewind().unwrap();
        let (mut first, mut second) = ([0; 2], [0; 9]);
        let mut parts = [&mut first[..], &mut second].map(IoSliceMut::new);
        assert_eq!(file.read_vectored(&mut parts).unwrap(), 7);
        assert_eq!((&first, &second[..5]), (b"on", b"e two".as_slice()));
        // At a place, whatever the position is.
        assert_eq!(file.write_at(b"TWO", 4).unwrap(), 3);
        file.read_exact_at(&mut first, 3).unwrap();
        assert_eq!(&first, b" T");
        assert_eq!(file.stream_position().unwrap(), 7);
    });
}

#[test]
fn text_that_is_none_is_refused_as_std_does_it() {
    world_checked(|| {
        let dir = TempDir::new();
        let path = dir.join("bytes");
        fs::write(&path, b"ab\xff").unwrap();
        let mut text = "before".to_owned();
        let error = File::open(&path)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap_err();
        let stds = std_fs::read_to_string(&path).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string()),
            (stds.kind(), stds.to_string())
        );
        assert_eq!(text, "before");
        fs::write(&path, " and after").unwrap();
        File::open(&path)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "before and after");
    });
}

#[test]
fn errors_are_stds() {
    fn same<T, U>(ours: io::Result<T>, stds: io::Result<U>) {
        let (ours, stds) = (ours.err().unwrap(), stds.err().unwrap());
        assert_eq!(
            (ours.kind(), ours.raw_os_error(), ours.to_string()),
            (stds.kind(), stds.raw_os_error(), stds.to_string())
        );
    }
    world_checked(|| {
        let dir = TempDir::new();
        let (none, here) = (dir.join("none"), dir.path());
        same(fs::read(&none), std_fs::read(&none));
        same(fs::read(here), std_fs::read(here));
        same(fs::read("a\0b"), std_fs::read("a\0b"));
        same(fs::write(here, ""), std_fs::write(here, ""));
        same(fs::create_dir(here), std_fs::create_dir(here));
        same(fs::remove_file(&none), std_fs::remove_file(&none));
        same(fs::remove_dir_all(&none), std_fs::remove_dir_all(&none));
        same(fs::rename(&none, here), std_fs::rename(&none, here));
        same(fs::copy(&none, here), std_fs::copy(&none, here));
        same(fs::metadata(&none), std_fs::metadata(&none));
        same(fs::read_dir(&none), std_fs::read_dir(&none));
        same(fs::read_link(here), std_fs::read_link(here));
        same(fs::canonicalize(&none), std_fs::canonicalize(&none));
        same(File::open(&none), std_fs::File::open(&none));
        same(File::create_new(here), std_fs::File::create_new(here));
        same(
            File::options().open(here),
            std_fs::File::options().open(here),
        );
        let (mut ours, mut stds) = (File::open(here).unwrap(), std_fs::File::open(here).unwrap());
        same(ours.write(b"x"), stds.write(b"x"));
        same(ours.read(&mut [0]), stds.read(&mut [0]));
        same(
            ours.seek(SeekFrom::Current(-1)),
            stds.seek(SeekFrom::Current(-1)),
        );
        same(ours.set_len(1), stds.set_len(1));
    });
}

#[test]
fn no_entry_of_a_directory_is_lost_by_those_who_give_up() {
    world_checked(|| {
        let dir = TempDir::new();
        let names: BTreeSet<_> = (0..1000).map(|n| n.to_string()).collect();
        for name in &names {
            std_fs::write(dir.join(name), "").unwrap();
        }
        let entries = Rc::new(RefCell::new(fs::read_dir(dir.path()).unwrap()));
        let next = |limit| timeout(limit, || entries.borrow_mut().next());
        let mut seen = BTreeSet::new();
        loop {
            // Before the call that it needs.
            let entry = next(Duration::ZERO);
            // While that goes on.
            let hold = listing::hold();
            let entry = entry.or_else(|_| next(SOON));
            let entry = entry.or_else(|_| {
                let e = entries.clone();
                let waits = spawn(move || e.borrow_mut().next());
                yield_now();
                assert!(waits_for(&waits.greenlet()).contains("that was given up"));
                drop(hold);
                waits.join()
            });
            let Some(entry) = entry.unwrap() else {
                break;
            };
            let entry = entry.unwrap();
            assert!(entry.file_type().unwrap().is_file());
            assert!(seen.insert(entry.file_name().into_string().unwrap()));
        }
        assert_eq!(seen, names);
        assert!(entries.borrow_mut().next().is_none());
    });
}

#[test]
fn entries_and_the_names_that_only_unix_has() {
    world_checked(|| {
        let dir = TempDir::new();
        mkfifo(&dir.join("fifo"));
        symlink("fifo", dir.join("link")).unwrap();
        DirBuilder::new()
            .mode(0o700)
            .create(dir.join("dir"))
            .unwrap();
        let mut options = OpenOptions::new();
        let options = options.write(true).create_new(true).mode(0o640);
        let file = options.open(dir.join("file")).unwrap();
        for entry in fs::read_dir(dir.path()).unwrap() {
            let entry = entry.unwrap();
            let (kind, metadata) = (entry.file_type().unwrap(), entry.metadata().unwrap());
            assert_eq!(metadata.file_type(), kind);
            assert_eq!(metadata.ino(), entry.ino());
            assert_eq!(entry.path(), dir.join(entry.file_name()));
            match entry.file_name().to_str().unwrap() {
                "fifo" => assert!(kind.is_fifo()),
                "link" => assert!(kind.is_symlink()),
                "dir" => assert_eq!(metadata.permissions().mode() & 0o777, 0o700),
                "file" => assert_eq!(metadata.permissions().mode() & 0o777, 0o640),
                name => panic!("{name}"),
            }
        }
        let metadata = file.metadata().unwrap();
        fchown(&file, Some(metadata.uid()), None).unwrap();
        let mut options = OpenOptions::new();
        let options = options.read(true).custom_flags(libc::O_NOFOLLOW);
        let refused = options.open(dir.join("link")).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::ELOOP));
    });
}

#[test]
fn a_lock_is_waited_for_by_the_greenlet_only() {
    world_checked(|| {
        let dir = TempDir::new();
        let path = dir.join("file");
        let file = File::create(&path).unwrap();
        let other = Rc::new(File::open(&path).unwrap());
        file.lock().unwrap();
        assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
        // More than there are threads.
        let lockers: Vec<_> = (0..2 * MOST)
            .map(|_| {
                let other = other.clone();
                spawn(move || other.lock_shared())
            })
            .collect();
        sleep(SOON);
        let waits = waits_for(&lockers[0].greenlet());
        assert!(waits.contains("the lock of a file"), "{waits}");
        assert!(fs::exists(&path).unwrap());
        lockers[0].kill();
        assert!(timeout(SOON, || other.lock()).is_err());
        file.unlock().unwrap();
        for (n, locker) in lockers.into_iter().enumerate() {
            match n {
                0 => assert!(locker.join().is_err()),
                _ => locker.join().unwrap().unwrap(),
            }
        }
        assert!(matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
        file.try_lock_shared().unwrap();
        other.unlock().unwrap();
        file.lock().unwrap();
    });
}

#[test]
#[allow(unsafe_code, reason = "a descriptor becomes a file")]
fn descriptors_become_files_and_back() {
    world_checked(|| {
        let dir = TempDir::new();
        let path = dir.join("file");
        let file = File::create_new(&path).unwrap();
        let text = format!("{file:?}");
        let std = std_fs::File::from(file);
        assert_eq!(text, format!("{std:?}"));
        let owned = OwnedFd::from(File::from_std(std));
        let raw = File::from(owned).into_raw_fd();
        // SAFETY: it is open, and nobody else's.
        let file = unsafe { File::from_raw_fd(raw) };
        assert_eq!(file.as_raw_fd(), raw);
        let mut echo = Command::new("echo");
        let ended = echo
            .arg("hello")
            .stdout(Stdio::from(file))
            .status()
            .unwrap();
        assert!(ended.success());
        assert_eq!(fs::read_to_string(&path).unwrap(), "hello\n");
    });
}

#[test]
fn any_thread_may_use_a_file_and_so_may_a_fork() {
    world_checked(|| {
        let dir = Arc::new(TempDir::new());
        let file = Arc::new(File::create_new(dir.join("file")).unwrap());
        let (d, f) = (dir.clone(), file.clone());
        let thread = thread::spawn(move || {
            (&*f).write_all(b"from a thread").unwrap();
            fs::copy(d.join("file"), d.join("copy")).unwrap()
        });
        assert_eq!(thread.join().unwrap(), 13);
        (&*file).rewind().unwrap();
        // A call that goes on, and a thread that is idle: neither is in the child.
        let held_up = open_fifos(&dir, 2);
        sleep(SOON);
        assert!(in_a_fork(|| {
            let mut text = String::new();
            (&*file).read_to_string(&mut text).unwrap();
            assert_eq!(text, "from a thread");
            fs::write(dir.join("fork"), text).unwrap();
        }));
        assert_eq!(fs::read(dir.join("fork")).unwrap(), b"from a thread");
        end_open(&dir, 0);
        end_open(&dir, 1);
        join_all(held_up);
        assert_eq!(
            File::open("/nothing/there").unwrap_err().kind(),
            ErrorKind::NotFound
        );
    });
}

//! `fs`, and `os::unix::fs`.

use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use super::fs::{
    self, DirBuilder, DirEntry, File, FileTimes, FileType, Metadata, OpenOptions, Permissions,
    ReadDir, TryLockError,
};
use super::os::unix::fs::{
    DirBuilderExt, DirEntryExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt,
    symlink,
};
use super::{check, check_alone};
use crate::support::TempDir;

#[test]
fn a_file_is_created_and_read_back() {
    check(|| {
        let dir = TempDir::new();
        let path = dir.join("foo.txt");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"Hello, world!").unwrap();

        let mut file = File::open(&path).unwrap();
        let mut contents = String::new();
        file.read_to_string(&mut contents).unwrap();
        assert_eq!(contents, "Hello, world!");

        let mut reader = BufReader::new(File::open(&path).unwrap());
        contents.clear();
        assert_eq!(reader.read_line(&mut contents).unwrap(), 13);
        // By reference, which needs no `mut`.
        let file = File::open(&path).unwrap();
        let mut bytes = [0; 5];
        (&file).read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"Hello");
    });
}

#[test]
fn create_empties_and_create_new_refuses() {
    check(|| {
        let dir = TempDir::new();
        let path = dir.join("foo.txt");
        fs::write(&path, "old").unwrap();
        drop(File::create(&path).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"");
        let error = File::create_new(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        let mut file = File::create_new(dir.join("bar.txt")).unwrap();
        file.write_all("Hello".as_bytes()).unwrap();
        file.rewind().unwrap();
        assert_eq!(io::read_to_string(file).unwrap(), "Hello");
    });
}

#[test]
fn options() {
    check(|| {
        let dir = TempDir::new();
        let path = dir.join("foo.txt");
        let missing = OpenOptions::new().read(true).open(&path).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        let mut both = OpenOptions::new();
        both.read(true).write(true).create(true).truncate(false);
        let mut file = both.clone().open(&path).unwrap();
        file.write_all(b"one\n").unwrap();
        let mut appender = File::options().append(true).open(&path).unwrap();
        writeln!(appender, "two").unwrap();
        file.rewind().unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one\ntwo\n");
        let truncated = OpenOptions::new().write(true).truncate(true).open(&path);
        assert_eq!(truncated.unwrap().metadata().unwrap().len(), 0);
        let exists = OpenOptions::new().write(true).create_new(true).open(&path);
        assert_eq!(exists.unwrap_err().kind(), ErrorKind::AlreadyExists);
        let nothing = OpenOptions::new().open(&path).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn whole_files() {
    check(|| {
        let dir = TempDir::new();
        let path = dir.join("address.txt");
        fs::write(&path, "127.0.0.1:8080").unwrap();
        fs::write(dir.join("bytes"), b"Lorem ipsum").unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.parse::<std::net::SocketAddr>().unwrap().port(), 8080);
        assert_eq!(fs::read(path).unwrap(), text.as_bytes());
        fs::write(dir.join("bytes"), [0xff]).unwrap();
        let error = fs::read_to_string(dir.join("bytes")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
    });
}

#[test]
fn what_was_written_is_synced() {
    check(|| {
        let dir = TempDir::new();
        let mut file = File::create(dir.join("foo.txt")).unwrap();
        file.write_all(b"Hello, world!").unwrap();
        file.sync_all().unwrap();
        file.write_all(b" Again.").unwrap();
        file.flush().unwrap();
        file.sync_data().unwrap();
        let mut writer = BufWriter::new(file);
        writer.write_all(b" Buffered.").unwrap();
        let file = writer.into_inner().unwrap();
        assert_eq!(file.metadata().unwrap().len(), 30);
    });
}

#[test]
fn locks() {
    check(|| {
        let dir = TempDir::new();
        let path = dir.join("foo.txt");
        let file = File::create(&path).unwrap();
        file.lock().unwrap();
        let other = File::open(&path).unwrap();
        match other.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => panic!("{error}"),
            Ok(()) => panic!("it is locked"),
        }
        let as_io = io::Error::from(other.try_lock().unwrap_err());
        assert_eq!(as_io.kind(), ErrorKind::WouldBlock);
        file.unlock().unwrap();
        file.lock_shared().unwrap();
        other.lock_shared().unwrap();
        drop(file);
        other.lock().unwrap();
        other.unlock().unwrap();
        other.try_lock().unwrap();
    });
}

#[test]
fn the_length_is_set() {
    check(|| {
        let dir = TempDir::new();
        let mut file = File::create_new(dir.join("foo.txt")).unwrap();
        file.set_len(10).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 10);
        let mut bytes = Vec::new();
        assert_eq!(file.read_to_end(&mut bytes).unwrap(), 10);
        assert_eq!(bytes, [0; 10]);
        file.set_len(3).unwrap();
        assert_eq!(file.seek(SeekFrom::End(0)).unwrap(), 3);
    });
}

#[test]
fn clones_have_one_position() {
    check(|| {
        let dir = TempDir::new();
        let path = dir.join("foo.txt");
        fs::write(&path, "Hello, world!").unwrap();
        let mut file = File::open(&path).unwrap();
        let mut copy = file.try_clone().unwrap();
        file.seek(SeekFrom::Start(7)).unwrap();
        let mut contents = vec![];
        copy.read_to_end(&mut contents).unwrap();
        assert_eq!(contents, b"world!");
        assert_eq!(file.stream_position().unwrap(), 13);
        file.seek_relative(-6).unwrap();
        assert_eq!(copy.stream_position().unwrap(), 7);
    });
}

#[test]
fn permissions() {
    check(|| {
        let dir = TempDir::new();
        let path = dir.join("foo.txt");
        let file = File::create(&path).unwrap();
        let mut permissions: Permissions = file.metadata().unwrap().permissions();
        assert!(!permissions.readonly());
        permissions.set_readonly(true);
        file.set_permissions(permissions.clone()).unwrap();
        assert!(fs::metadata(&path).unwrap().permissions().readonly());
        permissions.set_mode(0o644);
        assert_eq!(permissions.mode(), 0o644);
        fs::set_permissions(&path, permissions).unwrap();
        assert!(!fs::metadata(&path).unwrap().permissions().readonly());
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    });
}

#[test]
fn times() {
    check(|| {
        let dir = TempDir::new();
        let file = File::create(dir.join("foo.txt")).unwrap();
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let earlier = then - Duration::from_secs(5);
        let times = FileTimes::new().set_accessed(earlier).set_modified(then);
        file.set_times(times).unwrap();
        let metadata = file.metadata().unwrap();
        assert_eq!(metadata.accessed().unwrap(), earlier);
        assert_eq!(metadata.modified().unwrap(), then);
        file.set_modified(earlier).unwrap();
        assert_eq!(file.metadata().unwrap().modified().unwrap(), earlier);
    });
}

#[test]
fn metadata() {
    check(|| {
        let dir = TempDir::new();
        let (path, link) = (dir.join("foo.txt"), dir.join("link"));
        fs::write(&path, "12345").unwrap();
        symlink("foo.txt", &link).unwrap();
        let metadata: Metadata = fs::metadata(&link).unwrap();
        assert!(metadata.is_file() && !metadata.is_dir() && !metadata.is_symlink());
        assert_eq!((metadata.len(), metadata.size()), (5, 5));
        let metadata = fs::symlink_metadata(&link).unwrap();
        let kind: FileType = metadata.file_type();
        assert!(kind.is_symlink() && !kind.is_file() && !kind.is_fifo());
        assert!(fs::metadata(dir.path()).unwrap().is_dir());
        let missing = fs::metadata(dir.join("missing")).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn files_are_copied_renamed_and_removed() {
    check(|| {
        let dir = TempDir::new();
        let (foo, bar, baz) = (dir.join("foo"), dir.join("bar"), dir.join("baz"));
        fs::write(&foo, "Hello").unwrap();
        assert_eq!(fs::copy(&foo, &bar).unwrap(), 5);
        fs::rename(&foo, &baz).unwrap();
        assert!(!fs::exists(&foo).unwrap() && fs::exists(&baz).unwrap());
        fs::rename(&bar, &baz).unwrap();
        assert_eq!(fs::read(&baz).unwrap(), b"Hello");
        fs::remove_file(&baz).unwrap();
        let missing = fs::remove_file(&baz).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        assert!(fs::copy(dir.path(), &bar).is_err());
    });
}

#[test]
fn links() {
    check(|| {
        let dir = TempDir::new();
        let (foo, hard, soft) = (dir.join("foo"), dir.join("hard"), dir.join("soft"));
        fs::write(&foo, "Hello").unwrap();
        fs::hard_link(&foo, &hard).unwrap();
        assert_eq!(fs::metadata(&hard).unwrap().nlink(), 2);
        symlink(&foo, &soft).unwrap();
        assert_eq!(fs::read_link(&soft).unwrap(), foo);
        let real = fs::canonicalize(&soft).unwrap();
        assert_eq!(real, fs::canonicalize(dir.join("./foo")).unwrap());
        assert_eq!(fs::read_to_string(soft).unwrap(), "Hello");
        assert!(fs::read_link(&foo).is_err());
    });
}

#[test]
fn directories() {
    check(|| {
        let dir = TempDir::new();
        let some = dir.join("some");
        assert!(fs::create_dir(some.join("dir")).is_err());
        fs::create_dir_all(some.join("dir")).unwrap();
        fs::create_dir_all(some.join("dir")).unwrap();
        let there = fs::create_dir(&some).unwrap_err();
        assert_eq!(there.kind(), ErrorKind::AlreadyExists);
        let full = fs::remove_dir(&some).unwrap_err();
        assert_eq!(full.kind(), ErrorKind::DirectoryNotEmpty);
        fs::remove_dir(some.join("dir")).unwrap();
        fs::write(some.join("file"), "").unwrap();
        fs::remove_dir_all(&some).unwrap();
        assert!(!fs::exists(&some).unwrap());
    });
}

#[test]
fn a_builder_of_directories() {
    check(|| {
        let dir = TempDir::new();
        let path = dir.join("a/b/c");
        assert!(DirBuilder::new().create(&path).is_err());
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(&path).unwrap();
        builder.create(&path).unwrap();
        let metadata = fs::metadata(&path).unwrap();
        assert!(metadata.is_dir());
        assert_eq!(metadata.permissions().mode() & 0o777, 0o700);
    });
}

#[test]
fn a_directory_is_walked() {
    fn visit(dir: &Path, see: &mut dyn FnMut(&DirEntry)) -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => visit(&entry.path(), see)?,
                false => see(&entry),
            }
        }
        Ok(())
    }

    check(|| {
        let dir = TempDir::new();
        fs::create_dir_all(dir.join("a/b")).unwrap();
        for (name, length) in [("one", 1), ("a/two", 2), ("a/b/three", 3)] {
            fs::write(dir.join(name), vec![0; length]).unwrap();
        }
        let mut seen = Vec::new();
        let see = &mut |entry: &DirEntry| {
            let metadata = entry.metadata().unwrap();
            assert_eq!(metadata.ino(), entry.ino());
            seen.push((metadata.len(), entry.file_name()));
        };
        visit(dir.path(), see).unwrap();
        seen.sort();
        let expected = [(1, "one"), (2, "two"), (3, "three")];
        assert_eq!(seen, expected.map(|(length, name)| (length, name.into())));
    });
}

#[test]
fn entries_are_sorted_by_whoever_wants_them_so() {
    check(|| {
        let dir = TempDir::new();
        for name in ["c", "a", "b"] {
            fs::write(dir.join(name), "").unwrap();
        }
        let entries: ReadDir = fs::read_dir(dir.path()).unwrap();
        assert_eq!(format!("{entries:?}"), format!("ReadDir({:?})", dir.path()));
        let entries = entries.map(|entry| entry.map(|entry| entry.path()));
        let mut entries: Vec<PathBuf> = entries.collect::<Result<_, io::Error>>().unwrap();
        entries.sort();
        assert_eq!(entries, ["a", "b", "c"].map(|name| dir.join(name)));
        let mut entries = fs::read_dir(dir.path()).unwrap();
        let entry = entries.next().unwrap().unwrap();
        assert_eq!(
            format!("{entry:?}"),
            format!("DirEntry({:?})", entry.path())
        );
        assert!(fs::read_dir(entry.path()).is_err());
    });
}

#[test]
fn reads_and_writes_at_a_place() {
    check(|| {
        let dir = TempDir::new();
        let path = dir.join("foo.txt");
        let file = File::create_new(&path).unwrap();
        file.write_at(b"sushi", 10).unwrap();
        file.write_all_at(b"miso", 2).unwrap();
        let mut bytes = [0; 8];
        assert_eq!(file.read_at(&mut bytes, 2).unwrap(), 8);
        assert_eq!(&bytes, b"miso\0\0\0\0");
        file.read_exact_at(&mut bytes[..5], 10).unwrap();
        assert_eq!(&bytes[..5], b"sushi");
        let error = file.read_exact_at(&mut bytes, 10).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert_eq!((&file).stream_position().unwrap(), 0);
    });
}

#[test]
fn options_that_only_unix_has() {
    check(|| {
        let dir = TempDir::new();
        let path = dir.join("foo.txt");
        let mut options = OpenOptions::new();
        options
            .write(true)
            .create(true)
            .mode(0o600)
            .custom_flags(libc::O_EXCL);
        options.open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let error = options.open(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    });
}

#[test]
#[allow(unsafe_code, reason = "a descriptor becomes a file")]
fn descriptors_and_the_output_of_a_child() {
    check_alone(|| {
        let dir = TempDir::new();
        let path = dir.join("foo.txt");
        let file = File::create(&path).unwrap();
        assert_eq!(file.as_fd().as_raw_fd(), file.as_raw_fd());
        let raw = file.into_raw_fd();
        // SAFETY: it is open, and nobody else's.
        let file = unsafe { File::from_raw_fd(raw) };
        let file = File::from(OwnedFd::from(file));
        let mut echo = Command::new("echo");
        assert!(
            echo.arg("hello")
                .stdout(Stdio::from(file))
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "hello\n");
        let text = format!("{:?}", File::open(&path).unwrap());
        assert!(
            text.starts_with("File { fd: ") && text.contains("read: true"),
            "{text}"
        );
    });
}

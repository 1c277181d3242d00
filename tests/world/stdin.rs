//! The standard streams, in processes of their own.
#![allow(unsafe_code, reason = "no safe call tells the mode of a descriptor")]

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write, pipe};
use std::os::fd::{AsFd, AsRawFd};
use std::process::{ChildStderr, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use greenlet::io::{stderr, stdin, stdout};
use greenlet::readiness::wait_readable;
use greenlet::{sleep, spawn, timeout, yield_now};

use crate::support::world_checked;

const MS: Duration = Duration::from_millis(1);

fn child(role: &str) -> Command {
    crate::child("stdin::player", role)
}

/// Reads the child's messages up to one.
fn await_line(stderr: &mut BufReader<ChildStderr>, wanted: &str) {
    let mut lines = stderr.lines();
    let found = lines.find(|line| line.as_ref().unwrap() == wanted);
    found
        .unwrap_or_else(|| panic!("there was no `{wanted}`"))
        .unwrap();
}

/// What a child says which is given this for its standard input.
fn messages(role: &str, input: impl Into<Stdio>) -> String {
    let output = child(role).stdin(input).stdout(Stdio::null()).output();
    let output = output.unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    text
}

/// Whether calls on a descriptor fail instead of blocking.
fn set_nonblocking(fd: &impl AsRawFd, nonblocking: bool) {
    let flags = if nonblocking { libc::O_NONBLOCK } else { 0 };
    // SAFETY: takes no pointers.
    let status = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags) };
    assert_eq!(status, 0);
}

/// What the children do.
#[test]
#[ignore = "run by other tests"]
fn player() {
    match &*crate::role() {
        "lines" => lines(),
        "all" => all(),
        "parts" => parts(),
        "shared" => shared(),
        "much" => much(),
        "order" => order(),
        "crowded" => crowded(),
        other => panic!("{other}?"),
    }
    // SAFETY: takes no pointers.
    let flags = unsafe { libc::fcntl(0, libc::F_GETFL) };
    assert_eq!(flags & libc::O_NONBLOCK, 0);
}

/// Says so once it has run a while beside the others.
fn tick() {
    drop(spawn(|| {
        for _ in 0..5 {
            sleep(MS);
        }
        eprintln!("ticked");
    }));
}

fn lines() {
    tick();
    for line in stdin().lines() {
        eprintln!("got {:?}", line.unwrap());
    }
    assert_eq!(stdin().read(&mut [0; 8]).unwrap(), 0);
    eprintln!("end");
}

fn all() {
    let mut bytes = Vec::new();
    stdin().read_exact(&mut [0; 1]).unwrap_or_default();
    stdin().read_to_end(&mut bytes).unwrap();
    eprintln!("{} bytes", bytes.len());
}

fn parts() {
    wait_readable(&stdin()).unwrap();
    let mut line = String::new();
    assert!(timeout(20 * MS, || stdin().read_line(&mut line)).is_err());
    let killed = spawn(|| stdin().read_line(&mut String::new()));
    sleep(MS);
    killed.kill();
    drop(killed.join().unwrap_err());
    assert_eq!(line, "");
    eprintln!("waits");
    stdin().read_line(&mut line).unwrap();
    eprintln!("got {line:?}");
    let error = stdin().read_line(&mut line).unwrap_err();
    eprintln!("{error}");
    stdin().lock().read_until(b';', &mut Vec::new()).unwrap();
    let mut rest = String::from("rest ");
    (&stdin()).read_to_string(&mut rest).unwrap();
    eprintln!("{rest}");
}

fn shared() {
    let readers = [(); 3].map(|()| {
        let reader = spawn(|| {
            let mut line = String::new();
            stdin().read_line(&mut line).unwrap();
            line
        });
        yield_now();
        reader
    });
    eprintln!("waits");
    for (i, reader) in readers.into_iter().enumerate() {
        eprintln!("{i} {:?}", reader.join().unwrap());
    }
}

fn much() {
    tick();
    stdout().write_all(b"\nbegin\n").unwrap();
    let line = [b'x'; 99_999];
    for _ in 0..4 {
        let mut stdout = stdout().lock();
        stdout.write_all(&line).unwrap();
        stdout.write_all(b"\n").unwrap();
    }
    stdout().flush().unwrap();
    let word = "written";
    writeln!(stderr(), "{word}").unwrap();
}

fn order() {
    print!("\nbegin\n");
    let mut out = stdout();
    let again = out.lock();
    for i in 0..100 {
        print!("a{i} ");
        write!(out, "b{i} ").unwrap();
        if i % 10 == 0 {
            writeln!(out.lock(), "c{i}").unwrap();
            println!("d{i}");
        }
    }
    drop(again);
    out.write_all(&[b'y'; 1500]).unwrap();
    println!("end");
}

const CROWDED: usize = 5000;

/// Writes to an output that does not block, while somebody else takes what room there is.
fn crowded() {
    set_nonblocking(&stdout(), true);
    let mut other = File::from(stdout().as_fd().try_clone_to_owned().unwrap());
    let is_over = Arc::new(AtomicBool::new(false));
    let told = is_over.clone();
    let crowd = thread::spawn(move || {
        while !told.load(Ordering::Relaxed) {
            let _ = other.write(&[b'.'; 4096]);
        }
    });
    for _ in 0..CROWDED {
        stdout().write_all(b"out\n").unwrap();
        stderr().write_all(b"err\n").unwrap();
    }
    is_over.store(true, Ordering::Relaxed);
    crowd.join().unwrap();
    set_nonblocking(&stdout(), false);
}

#[test]
fn others_run_while_one_waits_for_a_line() {
    world_checked(|| {
        let mut child = child("lines")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        await_line(&mut stderr, "ticked");
        input.write_all(b"one\r\ntw").unwrap();
        await_line(&mut stderr, "got \"one\"");
        input.write_all(b"o").unwrap();
        drop(input);
        await_line(&mut stderr, "got \"two\"");
        await_line(&mut stderr, "end");
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn a_terminal_is_read_by_lines() {
    let script = r#"
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b""
def until(word):
    global seen
    while word not in seen:
        seen += os.read(fd, 1024)
until(b"ticked")
os.write(fd, b"typed\n")
until(b'got "typed"')
os.write(fd, b"\x04\x04")
until(b"end")
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"#;
    world_checked(move || {
        let player = child("lines");
        let mut python = Command::new("python3");
        python.args(["-c", script]).arg(player.get_program());
        python.args(player.get_args()).env("WORLD_ROLE", "lines");
        match python.output() {
            Err(error) => eprintln!("skipped: no python3: {error}"),
            Ok(output) => assert!(output.status.success(), "{output:?}"),
        }
    });
}

#[test]
fn a_file_and_nothing_are_read_to_their_ends() {
    world_checked(|| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs");
        let length = std::fs::metadata(path).unwrap().len();
        let said = messages("all", File::open(path).unwrap());
        assert!(said.contains(&format!("{} bytes\n", length - 1)), "{said}");
        let said = messages("all", Stdio::null());
        assert!(said.contains("0 bytes\n"), "{said}");
    });
}

#[test]
fn a_process_without_standard_input_is_at_its_end() {
    world_checked(|| {
        let player = child("all");
        let mut sh = Command::new("sh");
        sh.args(["-c", "exec \"$@\" 0<&-", "sh"])
            .arg(player.get_program());
        sh.args(player.get_args()).env("WORLD_ROLE", "all");
        let output = sh.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("0 bytes\n"), "{said}");
    });
}

#[test]
fn a_line_that_has_come_in_part_survives_a_limit_and_a_kill() {
    world_checked(|| {
        let (reader, mut input) = pipe().unwrap();
        let mut child = child("parts")
            .stdin(reader)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        input.write_all(b"par").unwrap();
        await_line(&mut stderr, "waits");
        input.write_all(b"tial\n\xff\nskipped;last\n").unwrap();
        drop(input);
        await_line(&mut stderr, "got \"partial\\n\"");
        await_line(&mut stderr, "stream did not contain valid UTF-8");
        await_line(&mut stderr, "rest last");
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn greenlets_that_share_it_get_whole_lines_in_order() {
    world_checked(|| {
        let mut child = child("shared")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        await_line(&mut stderr, "waits");
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"a\nb\nc\n").unwrap();
        await_line(&mut stderr, "0 \"a\\n\"");
        await_line(&mut stderr, "1 \"b\\n\"");
        await_line(&mut stderr, "2 \"c\\n\"");
        drop(input);
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn others_run_while_the_output_is_full() {
    world_checked(|| {
        let mut child = child("much")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        // Nothing is read of the output until then.
        await_line(&mut stderr, "ticked");
        let mut text = String::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        await_line(&mut stderr, "written");
        let lines = text.lines().skip_while(|line| *line != "begin").skip(1);
        let lines: Vec<_> = lines.take(4).collect();
        assert!(lines == vec!["x".repeat(99_999); 4]);
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn what_println_writes_stays_in_order_with_it() {
    world_checked(|| {
        let output = child("order").stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut wanted = String::from("\nbegin\n");
        for i in 0..100 {
            wanted += &format!("a{i} b{i} ");
            if i % 10 == 0 {
                wanted += &format!("c{i}\nd{i}\n");
            }
        }
        wanted += &"y".repeat(1500);
        wanted += "end\n";
        assert!(text.contains(&wanted), "{text}");
    });
}

#[test]
fn output_that_somebody_has_made_non_blocking_waits_for_room() {
    world_checked(|| {
        let (reader, writer) = pipe().unwrap();
        let mut child = child("crowded");
        child
            .stdin(Stdio::null())
            .stdout(writer.try_clone().unwrap());
        let mut playing = child.stderr(writer).spawn().unwrap();
        // Its own ends are closed.
        drop(child);
        let mut text = Vec::new();
        (&reader).read_to_end(&mut text).unwrap();
        assert!(playing.wait().unwrap().success());
        let text = String::from_utf8(text).unwrap();
        for line in ["out\n", "err\n"] {
            assert_eq!(text.matches(line).count(), CROWDED);
        }
    });
}

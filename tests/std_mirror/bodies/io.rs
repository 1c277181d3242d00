//! `io`: pipes, the standard streams, and what never blocks.

use std::env;
use std::fs::File;

use super::io::prelude::*;
use super::io::{
    self, BufReader, BufWriter, Cursor, ErrorKind, IsTerminal, LineWriter, PipeReader, PipeWriter,
    SeekFrom, pipe,
};
use super::process::{Command, Stdio};
use super::{check, check_alone, thread};

/// Tells a child which of the tests it is to be.
const PLAYS: &str = "GREENLET_MIRROR_PLAYS";

/// Runs a test of this module in another process, as a player of that role.
fn player(role: &str) -> Command {
    let path = format!("{}::the_players_play", module_path!());
    let (_, test) = path.split_once("::").unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    command.env(PLAYS, role);
    command
}

/// What the player says, given that for its standard input.
fn played(role: &str, input: &str) -> String {
    let mut command = player(role);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn the_players_play() {
    let Ok(role) = env::var(PLAYS) else {
        assert!(player("none").get_args().any(|arg| arg == "--exact"));
        return;
    };
    match &*role {
        "a line" => {
            let mut line = String::new();
            let count = io::stdin().read_line(&mut line).unwrap();
            eprintln!("{count} bytes: {}", line.trim_end());
        }
        "lines" => {
            for line in io::stdin().lines() {
                eprintln!("<{}>", line.unwrap());
            }
        }
        "a lock" => {
            let stdin = io::stdin();
            let mut handle = stdin.lock();
            let mut line = String::new();
            handle.read_line(&mut line).unwrap();
            let rest = handle.fill_buf().unwrap().len();
            handle.consume(1);
            let mut text = String::new();
            handle.read_to_string(&mut text).unwrap();
            eprintln!("{line:?} {} {text:?}", rest > 0);
        }
        "all" => {
            let text = io::read_to_string(io::stdin()).unwrap();
            eprintln!("{text:?} {}", io::stdin().is_terminal());
        }
        "bytes" => {
            let mut first = [0; 3];
            io::stdin().read_exact(&mut first).unwrap();
            let mut rest = Vec::new();
            io::stdin().lock().read_until(b'.', &mut rest).unwrap();
            let words: Vec<_> = io::stdin().lock().split(b' ').map(Result::unwrap).collect();
            eprintln!("{first:?} {rest:?} {words:?}");
            let error = io::stdin().read_exact(&mut first).unwrap_err();
            eprintln!("{:?}", error.kind());
        }
        "copies" => {
            let count = io::copy(&mut io::stdin(), &mut io::stderr()).unwrap();
            eprintln!("{count} bytes");
        }
        "writes" => {
            let stdout = io::stdout();
            let mut handle = stdout.lock();
            writeln!(handle, "\none").unwrap();
            println!("two");
            io::stdout().write_all(b"three\n").unwrap();
            handle.flush().unwrap();
            drop(handle);
            io::stderr().lock().write_all(b"an error\n").unwrap();
            writeln!(io::stderr(), "another").unwrap();
        }
        other => panic!("{other}?"),
    }
}

#[test]
fn a_line_is_read() {
    check_alone(|| {
        assert_eq!(played("a line", "hello\nworld\n"), "6 bytes: hello\n");
        assert_eq!(played("a line", "no end"), "6 bytes: no end\n");
        assert_eq!(played("a line", ""), "0 bytes: \n");
    });
}

#[test]
fn lines_are_iterated_over_without_their_ends() {
    check_alone(|| assert_eq!(played("lines", "a\r\nb\n\nc"), "<a>\n<b>\n<>\n<c>\n"));
}

#[test]
fn a_lock_reads_by_lines_and_by_what_is_there() {
    check_alone(|| {
        assert_eq!(
            played("a lock", "one\n.two\n"),
            "\"one\\n\" true \"two\\n\"\n"
        )
    });
}

#[test]
fn all_of_the_input_is_read() {
    check_alone(|| {
        assert_eq!(played("all", "a\nb"), "\"a\\nb\" false\n");
        assert_eq!(played("copies", "a\nb"), "a\nb3 bytes\n");
    });
}

#[test]
fn the_input_is_read_by_bytes() {
    check_alone(|| {
        let said = played("bytes", "abcd.e fg");
        assert_eq!(
            said,
            "[97, 98, 99] [100, 46] [[101], [102, 103]]\nUnexpectedEof\n"
        );
    });
}

#[test]
fn what_is_written_comes_in_order() {
    check_alone(|| {
        let output = player("writes").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("\none\ntwo\nthree\n"), "{text}");
        assert_eq!(output.stderr, b"an error\nanother\n");
    });
}

#[test]
fn a_pipe_carries_bytes_to_its_end() {
    check(|| {
        let (mut ping_reader, mut ping_writer) = pipe().unwrap();
        ping_writer.write_all(b"hello").unwrap();
        drop(ping_writer);
        let mut text = String::new();
        ping_reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
        assert_eq!(ping_reader.read(&mut [0; 8]).unwrap(), 0);
    });
}

#[test]
fn a_pipe_goes_between_threads() {
    check(|| {
        let (reader, writer): (PipeReader, PipeWriter) = pipe().unwrap();
        let numbers = thread::spawn(move || {
            let mut writer = BufWriter::new(writer);
            for n in 0..10_000 {
                writeln!(writer, "{n}").unwrap();
            }
        });
        let lines = BufReader::new(reader).lines();
        let sum: u64 = lines
            .map(|line| line.unwrap().parse::<u64>().unwrap())
            .sum();
        assert_eq!(sum, 49_995_000);
        numbers.join().unwrap();
    });
}

#[test]
fn both_outputs_of_a_child_may_go_into_one_pipe() {
    check_alone(|| {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut child = Command::new("sh")
            .args(["-c", "echo out; echo err >&2; echo out"])
            .stdout(writer.try_clone().unwrap())
            .stderr(writer)
            .spawn()
            .unwrap();
        let mut all = Vec::new();
        // The command is gone, and with it the ends that it had.
        reader.read_to_end(&mut all).unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(all, b"out\nerr\nout\n");
    });
}

#[test]
fn clones_share_a_pipe() {
    check(|| {
        let (mut reader, writer) = pipe().unwrap();
        let (mut one, mut two) = (writer.try_clone().unwrap(), &writer);
        one.write_all(b"1").unwrap();
        two.write_all(b"2").unwrap();
        let mut second = reader.try_clone().unwrap();
        let mut byte = [0];
        reader.read_exact(&mut byte).unwrap();
        assert_eq!(byte, *b"1");
        second.read_exact(&mut byte).unwrap();
        assert_eq!(byte, *b"2");
    });
}

#[test]
fn a_write_to_nobody_fails() {
    check(|| {
        let (reader, mut writer) = pipe().unwrap();
        drop(reader);
        assert_eq!(
            writer.write(b"x").unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
    });
}

#[test]
fn what_never_blocks_is_there() {
    check(|| {
        let mut cursor = Cursor::new(Vec::new());
        cursor.write_all(b"hello world").unwrap();
        cursor.seek(SeekFrom::Start(6)).unwrap();
        let mut text = String::new();
        cursor
            .take(3)
            .chain(io::empty())
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "wor");
        let mut lines = LineWriter::new(Vec::new());
        lines.write_all(b"a\nb").unwrap();
        assert_eq!(lines.get_ref(), b"a\n");
        assert_eq!(
            io::copy(&mut io::repeat(7).take(9), &mut io::sink()).unwrap(),
            9
        );
        let file = File::open(env!("CARGO_MANIFEST_DIR")).unwrap();
        assert!(!IsTerminal::is_terminal(&file));
        assert_eq!(
            io::stderr().is_terminal(),
            io::stderr().lock().is_terminal()
        );
        let fails = || -> io::Result<()> { Err(io::Error::other("no")) };
        assert_eq!(fails().unwrap_err().kind(), ErrorKind::Other);
    });
}

//! Child processes.

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use greenlet::io::{BufRead, BufReader, Read, Write};
use greenlet::process::{__without_pidfd, Child, Command, Stdio};
use greenlet::{sleep, spawn, timeout, yield_now};

use crate::support::world_checked;

const MS: Duration = Duration::from_millis(1);

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// With the system telling of the child's end, and without.
fn both_ways(test: fn()) {
    struct Undo;

    impl Drop for Undo {
        fn drop(&mut self) {
            __without_pidfd(false);
        }
    }

    world_checked(move || {
        let _undo = Undo;
        for without in [false, true] {
            __without_pidfd(without);
            test();
        }
    });
}

#[test]
fn others_run_while_one_waits_for_the_end() {
    both_ways(|| {
        let turns = Rc::new(Cell::new(0));
        let count = turns.clone();
        let other = spawn(move || {
            for _ in 0..5 {
                sleep(MS);
                count.set(count.get() + 1);
            }
        });
        let mut child = sh("read line; exit 7")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let waiting = spawn(move || (child.wait().unwrap().code(), child));
        other.join().unwrap();
        assert_eq!(turns.get(), 5);
        assert!(!waiting.is_finished());
        input.write_all(b"x\n").unwrap();
        let (code, mut child) = waiting.join().unwrap();
        assert_eq!(code, Some(7));
        // It is known for good.
        assert_eq!(child.wait().unwrap().code(), Some(7));
        assert_eq!(child.try_wait().unwrap().unwrap().code(), Some(7));
        child.kill().unwrap();
    });
}

#[test]
fn an_end_that_was_before_the_wait_is_known() {
    both_ways(|| {
        let mut child = sh("echo; exit 3").stdout(Stdio::piped()).spawn().unwrap();
        let mut all = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut all).unwrap();
        sleep(5 * MS);
        assert_eq!(child.wait().unwrap().code(), Some(3));
    });
}

#[test]
fn a_wait_closes_the_standard_input_first() {
    both_ways(|| {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        assert!(child.stdin.is_some() && child.stdout.is_none());
        assert!(child.try_wait().unwrap().is_none());
        assert!(child.wait().unwrap().success());
        assert!(child.stdin.is_none());
    });
}

#[test]
fn a_limit_or_a_kill_leaves_the_child_running_and_waitable() {
    both_ways(|| {
        let child = Command::new("sleep").arg("3600").spawn().unwrap();
        let child = Rc::new(RefCell::new(child));
        for _ in 0..2 {
            assert!(timeout(5 * MS, || child.borrow_mut().wait()).is_err());
        }
        let theirs = child.clone();
        let waiting = spawn(move || theirs.borrow_mut().wait());
        yield_now();
        waiting.kill();
        drop(waiting.join().unwrap_err());
        let mut child = child.borrow_mut();
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
    });
}

#[test]
fn many_children_are_waited_for_at_once() {
    both_ways(|| {
        let waiting: Vec<_> = (0..20)
            .map(|i| spawn(move || sh(&format!("exit {i}")).status().unwrap().code()))
            .collect();
        for (i, waiting) in (0..).zip(waiting) {
            assert_eq!(waiting.join().unwrap(), Some(i));
        }
    });
}

#[test]
fn both_outputs_are_read_at_once() {
    world_checked(|| {
        // The errors fill their pipe before there is any output, and the other way round.
        let script = "head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; exit 2";
        let output = sh(script).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(
            (output.stdout.len(), output.stderr.len()),
            (300_000, 600_000)
        );
    });
}

#[test]
fn one_output_alone_is_read() {
    world_checked(|| {
        let piped = |out: bool, err: bool| {
            let stdio = |piped| if piped { Stdio::piped() } else { Stdio::null() };
            let mut command = sh("cat; echo out; echo err >&2");
            command.stdin(Stdio::piped());
            let child = command.stdout(stdio(out)).stderr(stdio(err)).spawn();
            let output = child.unwrap().wait_with_output().unwrap();
            assert!(output.status.success());
            (output.stdout.len(), output.stderr.len())
        };
        assert_eq!(piped(true, true), (4, 4));
        assert_eq!(piped(true, false), (4, 0));
        assert_eq!(piped(false, true), (0, 4));
        assert_eq!(piped(false, false), (0, 0));
    });
}

#[test]
fn a_limit_ends_the_wait_for_output() {
    world_checked(|| {
        let began = Instant::now();
        let child = sh("echo $$; exec sleep 3600")
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.unwrap();
        let mut line = String::new();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        reader.read_line(&mut line).unwrap();
        child.stdout = Some(reader.into_inner());
        assert_eq!(line.trim(), child.id().to_string());
        assert!(timeout(5 * MS, move || child.wait_with_output()).is_err());
        assert!(began.elapsed() >= 5 * MS);
        // It runs on, and is nobody's; by its number it can still be ended.
        let kill = sh(&format!("kill {}", line.trim())).status();
        assert!(kill.unwrap().success());
    });
}

#[test]
fn a_conversation_needs_no_thread() {
    world_checked(|| {
        let mut cat = Command::new("cat");
        let mut child = cat
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writer = spawn(move || stdin.write_all(&vec![b'x'; 1_000_000]));
        let mut all = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut all).unwrap();
        writer.join().unwrap().unwrap();
        assert_eq!(all.len(), 1_000_000);
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn one_child_writes_to_another() {
    world_checked(|| {
        let mut first = sh("echo one; echo two")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut count = Command::new("wc");
        let output = count
            .arg("-l")
            .stdin(first.stdout.take().unwrap())
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "2");
        assert!(first.wait().unwrap().success());
    });
}

#[test]
fn streams_that_are_not_set_are_piped_for_output_alone() {
    world_checked(|| {
        let mut command = sh("cat; echo a; echo b >&2");
        // Twice, for the first leaves it as it was.
        for _ in 0..2 {
            let output = command.output().unwrap();
            assert_eq!(
                (&*output.stdout, &*output.stderr),
                (&b"a\n"[..], &b"b\n"[..])
            );
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = child.spawn().unwrap();
        assert!(child.stdout.is_none());
        assert!(child.wait().unwrap().success());
        let output = command.output().unwrap();
        assert_eq!((output.stdout.len(), output.stderr.len()), (0, 0));
    });
}

#[test]
fn a_program_that_is_not_there_is_an_error() {
    world_checked(|| {
        let mut command = Command::new("/there/is/no/such/program");
        assert_eq!(command.spawn().unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(command.output().unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(command.status().unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn what_was_set_can_be_asked() {
    world_checked(|| {
        let mut command = Command::new("env");
        command
            .env_clear()
            .env("A", "1")
            .envs([("B", "2"), ("C", "3")]);
        command.env_remove("B").current_dir("/");
        assert_eq!(command.get_program(), "env");
        assert_eq!(command.get_args().count(), 0);
        assert_eq!(command.get_current_dir().unwrap().to_str(), Some("/"));
        assert!(format!("{command:?}").contains("env"));
        assert!(
            command
                .get_envs()
                .any(|(key, value)| key == "A" && value.is_some())
        );
        // Found by the path of this process, as std has it.
        let output = Command::from(command.into_std()).output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        assert_eq!(text, "A=1\nC=3\n");
    });
}

#[test]
fn a_child_moves_between_std_and_here() {
    world_checked(|| {
        let mut command = std::process::Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = Child::from_std(command.spawn().unwrap()).unwrap();
        let mut child = child.into_std().unwrap();
        child.stdin.take().unwrap().write_all(b"x").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.stdout, b"x");
    });
}

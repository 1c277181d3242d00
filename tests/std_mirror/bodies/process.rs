//! `process`: commands, children, and their streams.

use std::fs::File;
use std::path::Path;

use super::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use super::os::unix::process::CommandExt;
use super::process::{self, Child, Command, ExitCode, ExitStatus, Output, Stdio};
use super::{check_alone as check, thread};

#[test]
fn the_output_of_a_program_is_collected() {
    check(|| {
        let output: Output = Command::new("echo").arg("hello world").output().unwrap();
        assert!(output.status.success());
        assert_eq!(output.stdout, b"hello world\n");
        assert!(output.stderr.is_empty());
    });
}

#[test]
fn a_status_tells_how_a_program_has_ended() {
    check(|| {
        let status: ExitStatus = Command::new("sh").args(["-c", "exit 3"]).status().unwrap();
        assert!(!status.success());
        assert_eq!(status.code(), Some(3));
        assert_eq!(status.to_string(), "exit status: 3");
        let status = Command::new("sh").args(["-c", "kill -9 $$"]).status();
        assert_eq!(status.unwrap().code(), None);
    });
}

#[test]
fn a_child_is_spoken_to() {
    check(|| {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writer = thread::spawn(move || stdin.write_all(b"Hello, world!").unwrap());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "Hello, world!");
    });
}

#[test]
fn children_are_chained() {
    check(|| {
        let mut echo = Command::new("echo")
            .arg("Oh no, a tpyo!")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let sed = Command::new("sed")
            .arg("s/tpyo/typo/")
            .stdin(Stdio::from(echo.stdout.take().unwrap()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = sed.wait_with_output().unwrap();
        assert_eq!(output.stdout, b"Oh no, a typo!\n");
        assert!(echo.wait().unwrap().success());
    });
}

#[test]
fn a_file_is_a_standard_input() {
    check(|| {
        let file = File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
        let output = Command::new("head")
            .arg("-n1")
            .stdin(file)
            .output()
            .unwrap();
        assert_eq!(output.stdout, b"[package]\n");
    });
}

#[test]
fn a_child_is_looked_at_killed_and_waited_for() {
    check(|| {
        let mut child: Child = Command::new("sleep").arg("3600").spawn().unwrap();
        assert!(child.id() > 0 && child.id() != process::id());
        assert_eq!(child.try_wait().unwrap(), None);
        assert!(child.stdin.is_none() && child.stdout.is_none() && child.stderr.is_none());
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(!status.success());
        assert_eq!(child.wait().unwrap(), status);
        assert_eq!(child.try_wait().unwrap(), Some(status));
        child.kill().unwrap();
    });
}

#[test]
fn a_wait_closes_the_standard_input() {
    check(|| {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        assert!(child.wait().unwrap().success());
        assert!(child.stdin.is_none());
    });
}

#[test]
fn streams_are_read_on_the_way() {
    check(|| {
        let mut child = Command::new("sh")
            .args(["-c", "echo one; read line; echo $line >&2"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, "one\n");
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"two\n").unwrap();
        stdin.flush().unwrap();
        let mut text = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "two\n");
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn what_is_not_wanted_goes_nowhere() {
    check(|| {
        let mut command = Command::new("sh");
        command.args(["-c", "cat; echo out; echo err >&2"]);
        let output = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .output()
            .unwrap();
        assert!(output.stdout.is_empty());
        assert_eq!(output.stderr, b"err\n");
        // Of one whose input is not set, it is nothing as well.
        let output = Command::new("cat").output().unwrap();
        assert!(output.status.success() && output.stdout.is_empty());
    });
}

#[test]
fn the_environment_and_the_directory_are_set() {
    check(|| {
        let mut command = Command::new("sh");
        command.args(["-c", "echo $A-$B-$C; pwd"]).current_dir("/");
        command
            .env("A", "1")
            .envs([("B", "2"), ("C", "3")])
            .env_remove("B");
        let output = command.output().unwrap();
        assert_eq!(output.stdout, b"1--3\n/\n");
        let path = std::env::var_os("PATH").unwrap();
        let output = Command::new("env")
            .env_clear()
            .env("PATH", path)
            .output()
            .unwrap();
        assert_eq!(output.stdout.split(|&byte| byte == b'\n').count(), 2);
    });
}

#[test]
fn a_command_tells_what_was_set() {
    check(|| {
        let mut command = Command::new("echo");
        command
            .arg("first")
            .args(["second", "third"])
            .env("TZ", "UTC")
            .env_remove("X");
        assert_eq!(command.get_program(), "echo");
        let args: Vec<_> = command.get_args().collect();
        assert_eq!(args, ["first", "second", "third"]);
        let envs: Vec<_> = command
            .get_envs()
            .map(|(key, value)| (key, value.is_some()))
            .collect();
        assert_eq!(envs, [("TZ".as_ref(), true), ("X".as_ref(), false)]);
        assert_eq!(command.get_current_dir(), None);
        command.current_dir("/bin");
        assert_eq!(command.get_current_dir(), Some(Path::new("/bin")));
        assert!(format!("{command:?}").contains("\"second\""));
    });
}

#[test]
fn a_command_may_be_used_again() {
    check(|| {
        let mut command = Command::new("echo");
        command.arg("x");
        assert_eq!(command.output().unwrap().stdout, b"x\n");
        assert_eq!(command.arg("y").output().unwrap().stdout, b"x y\n");
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn a_program_that_is_not_there_is_not_found() {
    check(|| {
        let spawned = Command::new("/there/is/none").spawn();
        assert_eq!(spawned.unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn a_child_may_share_the_standard_streams() {
    check(|| {
        let mut command = Command::new("true");
        command.stdout(io::stdout()).stderr(io::stderr());
        assert!(command.status().unwrap().success());
    });
}

#[test]
fn commands_can_be_told_what_only_unix_has() {
    check(|| {
        let mut command = Command::new("sh");
        command.args(["-c", "echo $0; kill -0 -$$ && echo leads its group"]);
        command.arg0("another").process_group(0);
        assert_eq!(
            command.output().unwrap().stdout,
            b"another\nleads its group\n"
        );
        // SAFETY: it does nothing but make an error.
        #[allow(unsafe_code, reason = "what it is about")]
        let command = unsafe { command.pre_exec(|| Err(ErrorKind::PermissionDenied.into())) };
        assert!(command.spawn().is_err());
        // It would change this process, even if it failed.
        let _: fn(&mut Command) -> io::Error = Command::exec;
    });
}

#[test]
fn codes_and_ids_are_there() {
    check(|| {
        assert_eq!(
            format!("{:?}", ExitCode::SUCCESS),
            format!("{:?}", ExitCode::from(0))
        );
        assert_eq!(process::id(), std::process::id());
        let _: fn(i32) -> ! = process::exit;
        let _: fn() -> ! = process::abort;
    });
}

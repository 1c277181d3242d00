//! Acts: files, names and child processes.

use std::io::{Read, Write};
use std::time::Duration;

use greenlet::net::lookup_host;
use greenlet::process::{Command, Stdio};
use greenlet::{fs, scope, timeout};

use crate::chaos::world::{Actor, expect};

pub(crate) fn files(a: &Actor) {
    if !a.world.is_real {
        return;
    }
    let path = a.home.dir.join(format!("{:016x}", a.random.next()));
    let bytes = a.random.bytes(10_000);
    let done = (|| {
        fs::write(&path, &bytes)?;
        a.pause();
        let mut file = fs::File::open(&path)?;
        let mut found = Vec::new();
        file.read_to_end(&mut found)?;
        assert!(found == bytes, "another file");
        fs::remove_file(&path)
    })();
    a.check(done);
}

pub(crate) fn names(a: &Actor) {
    if a.world.is_real && a.random.one_in(4) {
        a.check(lookup_host("localhost:1").map(drop));
    }
}

pub(crate) fn processes(a: &Actor) {
    // Beginning one takes its thread a millisecond.
    if !a.world.is_real || !a.random.one_in(8) {
        return;
    }
    let done = match a.random.below(3) {
        0 => Command::new("true").status().map(|status| {
            assert!(status.success());
        }),
        1 => echoed(a),
        _ => ended(a),
    };
    a.check(done);
}

fn echoed(a: &Actor) -> std::io::Result<()> {
    let said = a.random.bytes(100_000);
    let mut child = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().expect("piped");
    let child = Ended(Some(child));
    scope(|s| {
        let said = &said;
        let writer = s.spawn(move || stdin.write_all(said));
        let output = child.output();
        expect(writer.join()).unwrap_or(Ok(()))?;
        let output = output?;
        assert!(output.status.success());
        a.assert(output.stdout == *said, "not what was said");
        Ok(())
    })
}

fn ended(a: &Actor) -> std::io::Result<()> {
    let mut child = Ended(Some(Command::new("sleep").arg("3600").spawn()?));
    let inner = child.0.as_mut().expect("is there");
    if let Ok(waited) = timeout(a.limit_of_time(), || inner.wait()) {
        return waited.map(|status| panic!("an hour is over: {status}"));
    }
    inner.kill()?;
    let status = inner.wait()?;
    assert!(!status.success());
    Ok(())
}

/// Kills its child, whatever ends it, and does not leave a zombie.
struct Ended(Option<greenlet::process::Child>);

impl Ended {
    fn output(mut self) -> std::io::Result<std::process::Output> {
        let mut stdout = Vec::new();
        let child = self.0.as_mut().expect("is there");
        let mut pipe = child.stdout.take().expect("piped");
        pipe.read_to_end(&mut stdout)?;
        let status = child.wait()?;
        self.0 = None;
        Ok(std::process::Output {
            status,
            stdout,
            stderr: Vec::new(),
        })
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            while child.wait().is_err() {
                greenlet::sleep(Duration::from_micros(100));
            }
        }
    }
}

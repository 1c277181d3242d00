//! Programs out of bytes: every input is one.

/// What is left of an input. When nothing is, it gives zeros.
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Bytes(bytes)
    }

    pub fn next(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        first
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Reads scripts of operations of three bytes each. One whose first byte has the high bit set begins the next script.
pub fn scripts<Op>(
    bytes: &mut Bytes<'_>,
    most: usize,
    mut op: impl FnMut(u8, u8, u8) -> Op,
) -> Vec<Vec<Op>> {
    let mut scripts = vec![Vec::new()];
    while !bytes.is_empty() {
        let kind = bytes.next();
        if kind & 0x80 != 0 && scripts.len() < most {
            scripts.push(Vec::new());
        }
        let script = scripts.last_mut().expect("there is one from the start");
        script.push(op(kind & 0x7f, bytes.next(), bytes.next()));
    }
    scripts
}

//! The bytes of reads and writes on their way between a caller and a thread.

use std::cmp;
use std::io::{IoSlice, IoSliceMut};
use std::mem;

use crate::util::primitive::Latch;

/// How many bytes one call reads or writes at most; the documentation of `File` says so.
pub(crate) const LONGEST: usize = 1 << 20;

/// A buffer that is not larger is kept for the next call.
const KEPT: usize = 64 << 10;

/// A file's buffer, while no call has it.
pub(crate) struct Spare(Latch<Vec<u8>>);

impl Spare {
    pub(crate) fn new() -> Self {
        Spare(Latch::new(Vec::new()))
    }

    fn take(&self) -> Vec<u8> {
        mem::take(&mut *self.0.lock())
    }

    /// A buffer of at least `length` bytes; what they are is of no interest.
    pub(crate) fn of_length(&self, length: usize) -> Vec<u8> {
        let mut buffer = self.take();
        if buffer.capacity() < length {
            return vec![0; length];
        }
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        buffer
    }

    /// A buffer with as much of these as one call writes.
    pub(crate) fn filled(&self, slices: &[IoSlice<'_>]) -> Vec<u8> {
        let mut buffer = self.take();
        buffer.clear();
        for slice in slices {
            let room = LONGEST - buffer.len();
            buffer.extend_from_slice(&slice[..cmp::min(slice.len(), room)]);
        }
        buffer
    }

    pub(crate) fn give_back(&self, buffer: Vec<u8>) {
        if buffer.capacity() <= KEPT {
            *self.0.lock() = buffer;
        }
    }
}

/// How many bytes one call reads into these.
pub(crate) fn room(slices: &[IoSliceMut<'_>]) -> usize {
    let all = slices.iter().map(|slice| slice.len());
    all.fold(0, usize::saturating_add).min(LONGEST)
}

/// Copies what was read, which is not more than fits.
pub(crate) fn scatter(mut read: &[u8], slices: &mut [IoSliceMut<'_>]) {
    for slice in slices {
        let count = cmp::min(slice.len(), read.len());
        slice[..count].copy_from_slice(&read[..count]);
        read = &read[count..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_become_one_call_and_back() {
        let spare = Spare::new();
        let slices = [b"one ".as_slice(), b"", b"two"].map(IoSlice::new);
        let buffer = spare.filled(&slices);
        assert_eq!(buffer, b"one two");
        let (mut first, mut second) = ([0; 3], [0; 6]);
        let mut slices = [&mut first[..], &mut second].map(IoSliceMut::new);
        assert_eq!(room(&slices), 9);
        scatter(&buffer, &mut slices);
        assert_eq!((&first, &second), (b"one", b" two\0\0"));
    }

    #[test]
    fn a_call_is_bounded_and_small_buffers_are_kept() {
        let spare = Spare::new();
        let long = vec![1; LONGEST + 1];
        let buffer = spare.filled(&[IoSlice::new(&long)]);
        assert_eq!(buffer.len(), LONGEST);
        spare.give_back(buffer);
        assert_eq!(spare.take().capacity(), 0);
        let small = spare.of_length(10);
        let kept = small.as_ptr();
        spare.give_back(small);
        let again = spare.of_length(5);
        assert_eq!(again.as_ptr(), kept);
    }
}

//! Reading, writing, and the position.

use std::io::{self, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};
use std::mem;

use crate::fs::buffer::{room, scatter};
use crate::fs::file::File;
use crate::sys::fs::FileExt;

impl Read for &File {
    #[track_caller]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = |mut file: &std::fs::File, buf: &mut [u8]| file.read(buf);
        self.read_into(buf.len(), read, |read| {
            buf[..read.len()].copy_from_slice(read);
        })
    }

    #[track_caller]
    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let read = |mut file: &std::fs::File, buf: &mut [u8]| file.read(buf);
        self.read_into(room(bufs), read, |read| scatter(read, bufs))
    }

    /// One call, however long the file is.
    #[track_caller]
    fn read_to_end(&mut self, buf: &mut Vec<u8>) -> io::Result<usize> {
        let (mut read, result) = self.call(|mut file| {
            let mut read = Vec::new();
            let result = file.read_to_end(&mut read);
            (read, result)
        });
        match buf.capacity() {
            0 => mem::swap(buf, &mut read),
            _ => buf.append(&mut read),
        }
        result
    }

    /// One call, however long the file is.
    #[track_caller]
    fn read_to_string(&mut self, buf: &mut String) -> io::Result<usize> {
        let (read, result) = self.call(|mut file| {
            let mut read = String::new();
            let result = file.read_to_string(&mut read);
            (read, result)
        });
        match buf.capacity() {
            0 => *buf = read,
            _ => buf.push_str(&read),
        }
        result
    }
}

impl Write for &File {
    #[track_caller]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    /// One call, of as many of the slices as it has room for.
    #[track_caller]
    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write_from(bufs, |mut file, buf| file.write(buf))
    }

    /// There is nothing to be done, as in std.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for &File {
    #[track_caller]
    fn seek(&mut self, pos: SeekFrom) -> io::Result<u64> {
        self.seek_to(pos)
    }
}

impl Read for File {
    #[track_caller]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }

    #[track_caller]
    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(bufs)
    }

    #[track_caller]
    fn read_to_end(&mut self, buf: &mut Vec<u8>) -> io::Result<usize> {
        (&*self).read_to_end(buf)
    }

    #[track_caller]
    fn read_to_string(&mut self, buf: &mut String) -> io::Result<usize> {
        (&*self).read_to_string(buf)
    }
}

impl Write for File {
    #[track_caller]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    #[track_caller]
    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self).flush()
    }
}

impl Seek for File {
    #[track_caller]
    fn seek(&mut self, pos: SeekFrom) -> io::Result<u64> {
        self.seek_to(pos)
    }
}

impl FileExt for File {
    #[track_caller]
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let read = move |file: &std::fs::File, buf: &mut [u8]| file.read_at(buf, offset);
        self.read_into(buf.len(), read, |read| {
            buf[..read.len()].copy_from_slice(read);
        })
    }

    #[track_caller]
    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        let write = move |file: &std::fs::File, buf: &[u8]| file.write_at(buf, offset);
        self.write_from(&[IoSlice::new(buf)], write)
    }
}

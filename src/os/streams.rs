//! `Read` and `Write` of each stream, and of each reference to one.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};

use crate::net::tcp_stream::TcpStream;
use crate::os::unix::net::stream::UnixStream;

macro_rules! reads {
    ($read:ident: $($type:ty),*) => {
        $(impl Read for $type {
            #[track_caller]
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0.$read(buffer)
            }

            #[track_caller]
            fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.0.read_vectored(buffers)
            }
        })*
    };
}

macro_rules! writes {
    ($($type:ty),*) => {
        $(impl Write for $type {
            #[track_caller]
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.write(bytes)
            }

            #[track_caller]
            fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
                self.0.write_vectored(slices)
            }

            /// Nothing is kept back, so this does nothing.
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        })*
    };
}

reads!(read_bytes: TcpStream, &TcpStream);
// Between bytes that were sent with descriptors and others a read ends early.
reads!(read: UnixStream, &UnixStream);
writes!(TcpStream, &TcpStream, UnixStream, &UnixStream);

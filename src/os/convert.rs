//! Conversions between what owns a descriptor here, std's, and descriptors.
//!
//! Most cannot fail, so an error is dropped: what could not be made non-blocking tells whoever uses it. What goes out has its mode and its
//! time-outs again, as with `into_std`.
#![allow(unsafe_code)]

use std::net;

use crate::net::own::{give_back, take_over};
use crate::net::tcp_listener::TcpListener;
use crate::net::tcp_stream::TcpStream;
use crate::net::udp_socket::UdpSocket;
use crate::os::unix::net::datagram::UnixDatagram;
use crate::os::unix::net::listener::UnixListener;
use crate::os::unix::net::stream::UnixStream;
use crate::sys::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use crate::sys::unix_net;

macro_rules! conversions {
    ($($ours:ident of $theirs:ty),* $(,)?) => {
        $(
            impl AsFd for $ours {
                fn as_fd(&self) -> BorrowedFd<'_> {
                    self.0.expose().as_fd()
                }
            }

            impl AsRawFd for $ours {
                fn as_raw_fd(&self) -> RawFd {
                    self.0.expose().as_raw_fd()
                }
            }

            impl From<$theirs> for $ours {
                /// As `from_std`, but an error is dropped.
                fn from(theirs: $theirs) -> Self {
                    $ours(take_over(theirs).0)
                }
            }

            impl From<$ours> for $theirs {
                /// As `into_std`, but an error is dropped.
                fn from(ours: $ours) -> Self {
                    give_back(ours.0).0
                }
            }

            impl From<OwnedFd> for $ours {
                /// It is made non-blocking, which its duplicates share. An error is dropped.
                fn from(fd: OwnedFd) -> Self {
                    <$theirs>::from(fd).into()
                }
            }

            impl From<$ours> for OwnedFd {
                /// Its calls block again, unless they were told not to, and those of its duplicates too. An error is dropped.
                fn from(ours: $ours) -> Self {
                    <$theirs>::from(ours).into()
                }
            }

            impl FromRawFd for $ours {
                unsafe fn from_raw_fd(fd: RawFd) -> Self {
                    // SAFETY: the caller promises that it is open, and nobody else's.
                    unsafe { OwnedFd::from_raw_fd(fd) }.into()
                }
            }

            impl IntoRawFd for $ours {
                fn into_raw_fd(self) -> RawFd {
                    OwnedFd::from(self).into_raw_fd()
                }
            }
        )*
    };
}

conversions!(
    TcpStream of net::TcpStream,
    TcpListener of net::TcpListener,
    UdpSocket of net::UdpSocket,
    UnixStream of unix_net::UnixStream,
    UnixListener of unix_net::UnixListener,
    UnixDatagram of unix_net::UnixDatagram,
);

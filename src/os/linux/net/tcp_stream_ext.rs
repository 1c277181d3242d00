//! What a TCP connection can be told on Linux only.

use std::io;

use crate::net::tcp_stream::TcpStream;
use crate::sys::unix_net::TcpStreamExt as _;

/// `std::os::linux::net::TcpStreamExt`, for [`TcpStream`].
///
/// ```
/// use greenlet::net::{TcpListener, TcpStream};
/// use greenlet::os::linux::net::TcpStreamExt;
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let stream = TcpStream::connect(listener.local_addr()?)?;
/// stream.set_quickack(true)?;
/// assert!(stream.quickack()?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait TcpStreamExt {
    /// Whether what comes is acknowledged at once, `TCP_QUICKACK`. The system may take it back.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn set_quickack(&self, quickack: bool) -> io::Result<()>;

    /// Whether what comes is acknowledged at once.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn quickack(&self) -> io::Result<bool>;
}

impl TcpStreamExt for TcpStream {
    fn set_quickack(&self, quickack: bool) -> io::Result<()> {
        self.0.get().set_quickack(quickack)
    }

    fn quickack(&self) -> io::Result<bool> {
        self.0.get().quickack()
    }
}

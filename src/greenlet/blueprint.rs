//! What a greenlet's control block is made of.

use std::panic::Location;
use std::rc::Rc;

use crate::greenlet::local_map::LocalMap;
use crate::util::id::GreenletId;

/// What is known of a greenlet before there is one.
pub(crate) struct Blueprint {
    pub(crate) name: Option<Box<str>>,
    pub(crate) stack_size: usize,
    pub(crate) locals: Option<Rc<LocalMap>>,
    pub(crate) created_at: &'static Location<'static>,
    /// `None` for main and the hub.
    pub(crate) created_by: Option<GreenletId>,
}

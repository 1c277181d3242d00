//! What of the operating system the checked files call.

pub(crate) mod membarrier;

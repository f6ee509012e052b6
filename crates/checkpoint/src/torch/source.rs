use std::io::{BufRead, Seek};

/// What bytes are read from.
pub(super) trait Source: BufRead + Seek + Send {}
impl<T: BufRead + Seek + Send> Source for T {}

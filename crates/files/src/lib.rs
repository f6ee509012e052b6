//! Files and folders that appear whole or not at all, and the cache folder.
//!
//! - [`write()`], [`write_with`]: a file, on disk before it takes its name
//! - [`FolderDraft`]: a folder, filled next to its final path
//! - [`cache_folder`]: this program's folder in the user's cache
//!
//! Unfinished ones have names that begin with [`DRAFT_PREFIX`]; only a killed process leaves one behind.

mod cache;
mod draft_name;
mod error;
mod folder;
mod whole;

pub use cache::cache_folder;
pub use draft_name::DRAFT_PREFIX;
pub use error::Error;
pub use folder::FolderDraft;
pub use whole::{write, write_with};

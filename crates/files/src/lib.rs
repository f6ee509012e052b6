//! Files and folders that appear whole or not at all, their SHA-256, and the folder of what can be made again.
//!
//! - [`write()`], [`write_with`]: a file, on disk before it takes its name
//! - [`FolderDraft`]: a folder, filled next to its place
//! - [`write_named`]: a file that is named when its content is known
//! - [`sha256_of_file`], [`Hashing`]: SHA-256 of what is read and written; [`running_program`]: of this program
//! - [`Lease`]: a folder that one process works in, of several on one machine or many
//! - [`cache_folder`]: this program's folder in the user's cache
//!
//! Unfinished ones have names that begin with [`DRAFT_PREFIX`]; only a killed process leaves one behind.

mod cache;
mod digest;
mod draft_name;
mod error;
mod folder;
mod lease;
mod program;
mod whole;

pub use cache::cache_folder;
pub use digest::{Hashing, sha256_of_file};
pub use draft_name::DRAFT_PREFIX;
pub use error::Error;
pub use folder::FolderDraft;
pub use lease::{Lease, Terms};
pub use program::running_program;
pub use whole::{write, write_named, write_with};

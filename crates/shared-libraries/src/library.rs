//! One program or shared library.

use std::fs::File;
use std::path::{Path, PathBuf};

use object::read::elf::{Dynamic, FileHeader};
use object::{Endianness, ReadCache, ReadRef, elf};

use crate::{Error, Version};

/// What a program or shared library says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Library {
    /// Where it lies.
    pub path: PathBuf,
    /// File names of the libraries that it is linked against.
    pub needs: Vec<String>,
    /// Folders in which the loader looks for them first, as written: `$ORIGIN/../lib`.
    pub run_path: Vec<String>,
    /// Versions of functions that it asks for.
    pub asks: Vec<Version>,
    /// Versions of functions that it offers.
    pub offers: Vec<Version>,
}

impl Library {
    /// Reads the headers of a file, whatever its size.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::NotElf`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| Error::Io { path: path.to_owned(), error })?;
        let cache = ReadCache::new(file);
        parse(path, &cache)
            .map_err(|error| Error::NotElf { path: path.to_owned(), reason: error.to_string() })
    }
}

fn parse<'data, R: ReadRef<'data>>(path: &Path, data: R) -> object::read::Result<Library> {
    let header = elf::FileHeader64::<Endianness>::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let mut library = Library { path: path.to_owned(), ..Library::default() };
    let dynamic = sections.dynamic_table(endian, data)?;
    let entries: Vec<Dynamic> = dynamic.iter().collect();
    for entry in entries {
        match entry.tag {
            elf::DT_NEEDED => library.needs.push(text(dynamic.string(entry)?)),
            elf::DT_RPATH | elf::DT_RUNPATH => {
                library.run_path.extend(text(dynamic.string(entry)?).split(':').map(str::to_owned));
            }
            _ => {}
        }
    }
    if let Some((asked, link)) = sections.gnu_verneed(endian, data)? {
        let strings = sections.strings(endian, data, link)?;
        for of_file in asked {
            for one in of_file?.1 {
                library.asks.extend(Version::parse(&text(one?.name(endian, strings)?)));
            }
        }
    }
    if let Some((offered, link)) = sections.gnu_verdef(endian, data)? {
        let strings = sections.strings(endian, data, link)?;
        for definition in offered {
            // The first name is its own, the others are those that it comes after.
            if let Some(name) = definition?.1.next()? {
                library.offers.extend(Version::parse(&text(name.name(endian, strings)?)));
            }
        }
    }
    Ok(library)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_names_its_libraries_and_asks_for_versions_of_the_c_library() {
        let program = std::env::current_exe().unwrap();
        let library = Library::read(&program).unwrap();
        assert!(library.needs.iter().any(|name| name == "libc.so.6"), "{library:?}");
        assert!(library.asks.iter().any(|version| version.family == "GLIBC"), "{library:?}");
        assert!(library.offers.is_empty());
    }

    #[test]
    fn what_is_no_library_is_an_error_that_names_it() {
        let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let error = Library::read(&text).unwrap_err().to_string();
        assert!(error.contains("Cargo.toml") && error.contains("64-bit"), "{error}");
        assert!(Library::read(Path::new("/no/such/file")).unwrap_err().to_string().contains("/no/such/file"));
    }
}

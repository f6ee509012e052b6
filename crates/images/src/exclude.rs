use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::listing::{Item, Listing};
use crate::{Error, Remark};

/// A file that names images to leave out, `data.exclude`:
///
/// ```toml
/// [[exclude]]
/// path = "train/cats/cat.1043.jpg"    # below the data folder, or as the list writes it
/// sha256 = "9f3a..."                  # of the file; another image under that name is not left out
/// because = "a cropped copy"
/// ```
///
/// `path` and `sha256` may each stand alone; without a path every image with that digest is left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exclude {
    #[serde(default)]
    exclude: Vec<toml::Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "write [[exclude]] with path, sha256 or both")]
struct Entry {
    path: Option<String>,
    sha256: Option<String>,
    /// For people.
    #[serde(default)]
    #[expect(dead_code, reason = "it is read so that a wrong type is refused")]
    because: Option<String>,
}

/// Takes what a file names out of a listing.
///
/// # Errors
/// [`Error::Exclude`] for a file that cannot be read or understood; [`Error::List`] for an image that cannot be digested.
pub(crate) fn apply(file: &Path, listing: &mut Listing) -> Result<(), Error> {
    let wrong = |line: usize, message: String| Error::Exclude { file: file.to_owned(), line, message };
    let text = fs::read_to_string(file).map_err(|error| wrong(0, error.to_string()))?;
    let line_of = |span: Option<Range<usize>>| {
        span.map_or(1, |span| 1 + text[..text.floor_char_boundary(span.start)].matches('\n').count())
    };
    let parsed: Exclude =
        toml::from_str(&text).map_err(|error| wrong(line_of(error.span()), error.message().to_owned()))?;
    let mut by_path: HashMap<String, Vec<usize>> = HashMap::new();
    for (position, item) in listing.items.iter().enumerate() {
        for name in [&item.below_root, &item.inner] {
            let positions = by_path.entry(name.clone()).or_default();
            if !positions.contains(&position) {
                positions.push(position);
            }
        }
    }
    let mut out = vec![false; listing.items.len()];
    let mut digests = Digests::default();
    for entry in &parsed.exclude {
        let line = line_of(Some(entry.span()));
        let Entry { path, sha256, .. } = entry.get_ref();
        let sha256 = sha256.as_deref().map(|hex| digest_of_hex(hex).map_err(|message| wrong(line, message)));
        let sha256 = sha256.transpose()?;
        let nothing = |because: String| Remark::ExcludesNothing { file: file.to_owned(), line, because };
        match (path, sha256) {
            (None, None) => return Err(wrong(line, "name a path, a sha256 or both".to_owned())),
            (Some(path), sha256) => {
                let path = path.replace('\\', "/");
                let path = path.trim_start_matches("./");
                // A path below the data folder names one image; one below class folders might name several.
                let found: &[usize] = match by_path.get(path) {
                    Some(found) => found,
                    None => {
                        listing.remarks.push(nothing(format!("there is no image {path}")));
                        continue;
                    }
                };
                let exact = found.iter().find(|&&position| listing.items[position].below_root == path);
                let Some(&position) = exact.or(if found.len() == 1 { found.first() } else { None }) else {
                    return Err(wrong(
                        line,
                        format!("{path} names {} images; write the path below the data folder", found.len()),
                    ));
                };
                let same = match &sha256 {
                    Some(wanted) => digests.of(&listing.items[position])? == *wanted,
                    None => true,
                };
                if same {
                    out[position] = true;
                } else {
                    listing
                        .remarks
                        .push(nothing(format!("{path} is another image than it was (its sha256 differs)")));
                }
            }
            (None, Some(wanted)) => {
                let mut any = false;
                for (item, out) in listing.items.iter().zip(&mut out) {
                    if digests.of(item)? == wanted {
                        (*out, any) = (true, true);
                    }
                }
                if !any {
                    listing.remarks.push(nothing("no image has this sha256".to_owned()));
                }
            }
        }
    }
    let images = out.iter().filter(|&&out| out).count();
    let mut out = out.into_iter();
    listing.items.retain(|_| out.next() == Some(false));
    if images > 0 {
        listing.remarks.push(Remark::Excluded { images, by: file.to_owned() });
    }
    Ok(())
}

/// Digests of files, each read once.
#[derive(Default)]
struct Digests(HashMap<PathBuf, [u8; 32]>);

impl Digests {
    fn of(&mut self, item: &Item) -> Result<[u8; 32], Error> {
        if let Some(known) = self.0.get(&item.path) {
            return Ok(*known);
        }
        let digest = sha256(&item.path).map_err(|source| Error::List { path: item.path.clone(), source })?;
        self.0.insert(item.path.clone(), digest);
        Ok(digest)
    }
}

fn sha256(path: &Path) -> io::Result<[u8; 32]> {
    let mut hasher = Sha256::new();
    let mut file = BufReader::new(File::open(path)?);
    loop {
        let bytes = file.fill_buf()?;
        if bytes.is_empty() {
            return Ok(hasher.finalize().into());
        }
        hasher.update(bytes);
        let count = bytes.len();
        file.consume(count);
    }
}

fn digest_of_hex(written: &str) -> Result<[u8; 32], String> {
    let wrong = || format!("{written:?} is not a SHA-256: write 64 hexadecimal digits");
    let written_digits = written.as_bytes();
    if written_digits.len() != 64 || !written_digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(wrong());
    }
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(written_digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
    }
    Ok(digest)
}

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::class_name::class_name;
use crate::listing::{Item, Listing};
use crate::{Error, Remark};

/// A file of corrections to a data set, `data.exclude`:
///
/// ```toml
/// [[exclude]]
/// path = "train/cats/cat.1043.jpg"    # below the data folder, or as the list writes it
/// sha256 = "9f3a..."                  # of the file; another image under that name is not left out
/// because = "a cropped copy"
///
/// [[together]]                        # on one side of a split that the program makes
/// paths = ["cats/a.jpg", "cats/a_small.jpg"]
///
/// [[relabel]]
/// path = "train/ants/formica.jpeg"
/// label = "bees"
/// ```
///
/// In `exclude`, `path` and `sha256` may each stand alone; without a path every image with that digest is left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exclude {
    #[serde(default)]
    exclude: Vec<toml::Spanned<Entry>>,
    #[serde(default)]
    together: Vec<toml::Spanned<Together>>,
    #[serde(default)]
    relabel: Vec<toml::Spanned<Relabel>>,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "write [[together]] with paths")]
struct Together {
    paths: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "write [[relabel]] with path and label")]
struct Relabel {
    path: String,
    label: String,
    sha256: Option<String>,
    /// For people.
    #[serde(default)]
    #[expect(dead_code, reason = "it is read so that a wrong type is refused")]
    because: Option<String>,
}

/// Corrects a listing as a file says: takes images out, gives others another label, and notes which belong together.
///
/// # Errors
/// [`Error::Exclude`] for a file that cannot be read or understood; [`Error::List`] for an image that cannot be digested.
pub(crate) fn apply(file: &Path, listing: &mut Listing) -> Result<(), Error> {
    let unreadable = |error: io::Error| Error::Exclude {
        file: file.to_owned(),
        line: 0,
        column: 0,
        message: error.to_string(),
    };
    let text = fs::read_to_string(file).map_err(unreadable)?;
    let place = Place { file, text: &text };
    let parsed: Exclude =
        toml::from_str(&text).map_err(|error| place.wrong(error.span(), error.message().to_owned()))?;
    let mut out = vec![false; listing.items.len()];
    let mut names = Names::of(&listing.items);
    for entry in &parsed.exclude {
        let Entry { path, sha256, .. } = entry.get_ref();
        match (path, place.digest(entry.span(), sha256.as_deref())?) {
            (None, None) => {
                return Err(place.wrong(Some(entry.span()), "name a path, a sha256 or both".to_owned()));
            }
            (Some(path), sha256) => match names.find(&place, entry.span(), path, sha256, listing)? {
                Found::One(position) => out[position] = true,
                Found::None(because) => listing.remarks.push(place.nothing(entry.span(), because)),
            },
            (None, Some(wanted)) => {
                let mut any = false;
                for (item, out) in listing.items.iter().zip(&mut out) {
                    if names.digests.of(item)? == wanted {
                        (*out, any) = (true, true);
                    }
                }
                if !any {
                    listing.remarks.push(place.nothing(entry.span(), "no image has this sha256".to_owned()));
                }
            }
        }
    }
    let relabelled = relabel(&parsed.relabel, &place, &mut names, listing)?;
    for entry in &parsed.together {
        let mut group = Vec::new();
        for path in &entry.get_ref().paths {
            match names.find(&place, entry.span(), path, None, listing)? {
                Found::One(position) => group.push(listing.items[position].below_root.clone()),
                Found::None(because) => listing.remarks.push(place.nothing(entry.span(), because)),
            }
        }
        listing.together.push(group);
    }
    let images = out.iter().filter(|&&out| out).count();
    let mut out = out.into_iter();
    listing.items.retain(|_| out.next() == Some(false));
    if images > 0 {
        listing.remarks.push(Remark::Excluded { images, by: file.to_owned() });
    }
    if relabelled > 0 {
        listing.remarks.push(Remark::Relabelled { images: relabelled, by: file.to_owned() });
    }
    Ok(())
}

/// Gives images other labels; returns how many.
fn relabel(
    entries: &[toml::Spanned<Relabel>],
    place: &Place<'_>,
    names: &mut Names,
    listing: &mut Listing,
) -> Result<usize, Error> {
    let classes: BTreeSet<String> = listing.items.iter().map(|item| item.class.clone()).collect();
    let mut images = 0;
    for entry in entries {
        let Relabel { path, label, sha256, .. } = entry.get_ref();
        let class = class_name(label);
        if !classes.contains(&class) {
            let known: Vec<String> = classes.iter().cloned().collect();
            let message =
                format!("the data has no class {class:?}; it has {}", crate::remark::quoted(&known));
            return Err(place.wrong(Some(entry.span()), message));
        }
        let sha256 = place.digest(entry.span(), sha256.as_deref())?;
        match names.find(place, entry.span(), path, sha256, listing)? {
            Found::One(position) => {
                listing.items[position].class = class;
                images += 1;
            }
            Found::None(because) => listing.remarks.push(place.nothing(entry.span(), because)),
        }
    }
    Ok(images)
}

/// The file, for messages about places in it.
struct Place<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Place<'_> {
    /// Line and column, from 1.
    fn position(&self, span: Option<Range<usize>>) -> [usize; 2] {
        let Some(span) = span else { return [1, 1] };
        let before = &self.text[..self.text.floor_char_boundary(span.start)];
        let line = before.rsplit('\n').next().unwrap_or_default();
        [1 + before.matches('\n').count(), 1 + line.chars().count()]
    }

    fn wrong(&self, span: Option<Range<usize>>, message: String) -> Error {
        let [line, column] = self.position(span);
        Error::Exclude { file: self.file.to_owned(), line, column, message }
    }

    fn nothing(&self, span: Range<usize>, because: String) -> Remark {
        let [line, _] = self.position(Some(span));
        Remark::ExcludesNothing { file: self.file.to_owned(), line, because }
    }

    fn digest(&self, span: Range<usize>, written: Option<&str>) -> Result<Option<[u8; 32]>, Error> {
        written.map(digest_of_hex).transpose().map_err(|message| self.wrong(Some(span), message))
    }
}

/// Images of a listing by the paths that an entry may name them with.
struct Names {
    by_path: HashMap<String, Vec<usize>>,
    digests: Digests,
}

/// The image of an entry, or why there is none.
enum Found {
    One(usize),
    None(String),
}

impl Names {
    fn of(items: &[Item]) -> Self {
        let mut by_path: HashMap<String, Vec<usize>> = HashMap::new();
        for (position, item) in items.iter().enumerate() {
            for name in [&item.below_root, &item.inner] {
                let positions = by_path.entry(name.clone()).or_default();
                if !positions.contains(&position) {
                    positions.push(position);
                }
            }
        }
        Self { by_path, digests: Digests::default() }
    }

    /// Finds the image that an entry means: a path below the data folder names one image, one below class folders might
    /// name several.
    fn find(
        &mut self,
        place: &Place<'_>,
        span: Range<usize>,
        path: &str,
        sha256: Option<[u8; 32]>,
        listing: &Listing,
    ) -> Result<Found, Error> {
        let path = path.replace('\\', "/");
        let path = path.trim_start_matches("./");
        let Some(found) = self.by_path.get(path) else {
            return Ok(Found::None(format!("there is no image {path}")));
        };
        let exact = found.iter().find(|&&position| listing.items[position].below_root == path);
        let Some(&position) = exact.or(if found.len() == 1 { found.first() } else { None }) else {
            let message =
                format!("{path} names {} images; write the path below the data folder", found.len());
            return Err(place.wrong(Some(span), message));
        };
        let same = match sha256 {
            Some(wanted) => self.digests.of(&listing.items[position])? == wanted,
            None => true,
        };
        if same {
            return Ok(Found::One(position));
        }
        Ok(Found::None(format!("{path} is another image than it was (its sha256 differs)")))
    }
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

//! Damaged copies of image files, the same for the same seed on every machine.

use std::path::Path;
use std::{fs, io};

/// A file of `whole/`.
pub(crate) struct Whole {
    /// Its file name.
    pub(crate) name: String,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
}

/// A damaged copy.
pub(crate) struct Damaged {
    /// Number, kind of damage and the whole file's name: `00017-cut-rgb.png`.
    pub(crate) name: String,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
}

/// Reads the files of `tests/differential/whole`, sorted by name.
///
/// # Errors
/// Those of reading.
pub(crate) fn whole_files() -> io::Result<Vec<Whole>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/whole");
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Whole { name, bytes: fs::read(path)? })
    };
    paths.iter().map(read).collect()
}

/// Damages one of the files: which one, where and how is a function of seed and index.
pub(crate) fn damaged(whole: &[Whole], seed: u64, index: usize) -> Damaged {
    let mut random = Random::new(seed, index as u64);
    let source = &whole[random.below(whole.len())];
    let mut bytes = source.bytes.clone();
    let kind = match random.below(10) {
        0..=2 => {
            for _ in 0..=random.below(4) {
                let at = random.below(bytes.len());
                bytes[at] ^= 1 << random.below(8);
            }
            "bits"
        }
        3 | 4 => {
            for _ in 0..=random.below(4) {
                let at = random.below(bytes.len());
                bytes[at] = random.below(256) as u8;
            }
            "bytes"
        }
        5 | 6 => {
            bytes.truncate(random.below(bytes.len()));
            "cut"
        }
        7 => {
            let start = random.below(bytes.len());
            let end = bytes.len().min(start + 1 + random.below(40));
            bytes.drain(start..end);
            "gap"
        }
        8 => {
            let other = &whole[random.below(whole.len())].bytes;
            let start = random.below(other.len());
            let end = other.len().min(start + 1 + random.below(40));
            let at = random.below(bytes.len() + 1);
            bytes.splice(at..at, other[start..end].iter().copied());
            "splice"
        }
        _ => {
            bytes.extend((0..1 + random.below(60)).map(|_| random.below(256) as u8));
            "trailer"
        }
    };
    Damaged { name: format!("{index:05}-{kind}-{}", source.name), bytes }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
struct Random(u64);

impl Random {
    fn new(seed: u64, stream: u64) -> Random {
        Random(
            seed.wrapping_mul(0x2545_F491_4F6C_DD1D).wrapping_add(stream.wrapping_mul(0xD134_2543_DE82_EF95)),
        )
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 33) as usize % limit.max(1)
    }
}

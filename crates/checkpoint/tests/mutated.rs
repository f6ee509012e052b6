//! Damaged checkpoints: read or refused, never a panic, a hang or memory without end.
//!
//! Of each form a small file is changed at random (bits, bytes, cuts, splices, lengths), from a seed. A part of it runs with
//! every `cargo test`; all of it with
//!
//!     CHECKPOINT_MUTATIONS=40000 cargo test -p checkpoint --test mutated -- --nocapture

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use checkpoint::Layout;

/// Numbers that look random, the same on every machine (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap_or(0) % end.max(1)
    }
}

/// One to eight changes.
fn mutated(whole: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..=random.below(8) {
        if bytes.is_empty() {
            break;
        }
        let place = random.below(bytes.len());
        match random.below(8) {
            0 => bytes[place] ^= 1 << random.below(8),
            1 => bytes[place] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
            2 => bytes.truncate(place),
            3 => drop(bytes.drain(place..(place + 1 + random.below(64)).min(bytes.len()))),
            4 => {
                let from = random.below(other.len());
                let piece = &other[from..(from + 1 + random.below(128)).min(other.len())];
                bytes.splice(place..place, piece.iter().copied());
            }
            5 => {
                let piece = bytes[place..(place + 1 + random.below(64)).min(bytes.len())].to_vec();
                bytes.splice(place..place, piece);
            }
            6 => {
                // A length or an offset, of 4 or 8 bytes.
                let width = [4, 8][random.below(2)];
                let value = [0, 1, 0x7fff_ffff, 0xffff_ffff, u64::MAX, 1 << 40][random.below(6)];
                let end = (place + width).min(bytes.len());
                let value = value.to_le_bytes();
                bytes[place..end].copy_from_slice(&value[..end - place]);
            }
            _ => bytes[place] = b"(.0aestu}])hjqrRbcN\x81\x85\x93\x94"[random.below(23)],
        }
    }
    bytes
}

/// What came of many mutations of one form.
#[derive(Debug, Default)]
struct Counts {
    read: usize,
    refused: usize,
    hostile: usize,
    slowest: Duration,
}

fn run(name: &str, count: usize, seed: u64) -> Counts {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let whole = fs::read(tests.join(name)).unwrap();
    let other = fs::read(tests.join("found/harmless.pth")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mutated");
    let layout = Layout {
        tensors: [("conv.weight".to_owned(), vec![2, 1, 3]), ("fc.bias".to_owned(), vec![2])].into(),
        head: "fc".to_owned(),
        dialects: &[],
    };
    let (mut random, mut counts) = (Random(seed), Counts::default());
    for number in 0..count {
        let bytes = mutated(&whole, &other, &mut random);
        fs::write(&path, &bytes).unwrap();
        let began = Instant::now();
        let read = checkpoint::open(&path).and_then(|opened| opened.load(Some(&layout)));
        counts.slowest = counts.slowest.max(began.elapsed());
        match read {
            Ok(_) => counts.read += 1,
            Err(error) => {
                let message = error.to_string();
                assert!(!message.contains("gave up"), "{name}, mutation {number} of seed {seed}: a panic");
                let hostile = matches!(error, checkpoint::Error::Hostile { .. });
                if hostile { counts.hostile += 1 } else { counts.refused += 1 }
            }
        }
    }
    assert!(counts.slowest < Duration::from_secs(2), "{name}: {counts:?}");
    counts
}

#[test]
fn nothing_panics_hangs_or_eats_memory() {
    let all = std::env::var("CHECKPOINT_MUTATIONS").ok().and_then(|count| count.parse::<usize>().ok());
    let forms = [
        "checkpoints/zip.pth",
        "checkpoints/legacy.pth",
        "checkpoints/tar.pth",
        "checkpoints/plain.safetensors",
        "found/harmless.pth",
        "found/old_whole.pth",
        "found/detectron.pkl",
        "found/whole_under_key.pth",
    ];
    // The four forms take most; what is pickled in other ways the rest.
    let each = all.map_or(300, |all| all.div_ceil(forms.len()));
    for (place, name) in forms.into_iter().enumerate() {
        let counts = run(name, each, 15 + place as u64);
        assert!(counts.refused > 0, "{name}: {counts:?}");
        println!("{name}: {each} mutations, {counts:?}");
    }
}

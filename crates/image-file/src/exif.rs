//! Tag 0x0112 of a TIFF directory, read as `PIL/TiffImagePlugin.py` reads it (`ImageFileDirectory_v2.load`).

const ORIENTATION: u16 = 0x0112;

/// What a directory says about the orientation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It has no such tag.
    Absent,
    /// A number that fits into a byte.
    Value(u8),
    /// The tag is there with something else: text, bytes, 6.5.
    Meaningless,
}

/// Returns the orientation in an EXIF block, whose heading may be there once, twice or not at all. `None` where it is no
/// TIFF directory.
pub(crate) fn in_block(block: &[u8]) -> Option<Answer> {
    let heading = b"Exif\0\0";
    let block = block.strip_prefix(heading).unwrap_or(block);
    let block = block.strip_prefix(heading).unwrap_or(block);
    if block.is_empty() {
        return Some(Answer::Absent);
    }
    // Pillow takes a big-endian BigTIFF for a small one here, and of a little-endian one it does not read the offset.
    let big = block.get(2) == Some(&43);
    let directory = if big { None } else { Directory::of(block, false) };
    Some(directory?.orientation())
}

/// The first directory of a TIFF file or EXIF block.
pub(crate) struct Directory<'a> {
    bytes: &'a [u8],
    order: Order,
    big: bool,
    entries: Vec<Entry<'a>>,
    whole: bool,
    next: bool,
}

/// A tag with its values as they lie in the file.
struct Entry<'a> {
    tag: u16,
    kind: u16,
    data: &'a [u8],
}

/// Which byte of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The lowest.
    Little,
    /// The highest.
    Big,
}

impl<'a> Directory<'a> {
    /// Reads the directory that the header names, up to where it is damaged. `None` without a TIFF header.
    pub(crate) fn first(bytes: &'a [u8]) -> Option<Directory<'a>> {
        Directory::of(bytes, bytes.get(2) == Some(&43) || bytes.get(3) == Some(&43))
    }

    fn of(bytes: &'a [u8], big: bool) -> Option<Directory<'a>> {
        let order = match bytes.get(..4)? {
            b"II\x2a\0" | b"II\0\x2a" | b"II\x2b\0" => Order::Little,
            b"MM\0\x2a" | b"MM\x2a\0" | b"MM\0\x2b" => Order::Big,
            _ => return None,
        };
        let at = if big { order.number(bytes.get(8..16)?) } else { order.number(bytes.get(4..8)?) };
        let mut directory = Directory { bytes, order, big, entries: Vec::new(), whole: true, next: false };
        if directory.read(usize::try_from(at).ok()?).is_none() {
            directory.whole = false;
        }
        Some(directory)
    }

    /// Which byte of a number comes first.
    pub(crate) fn order(&self) -> Order {
        self.order
    }

    /// Whether all entries are there, with their values; without, what is missing may be what makes the pixels right.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether another directory follows, of a further page.
    pub(crate) fn has_next(&self) -> bool {
        self.next
    }

    /// Reads the entries; `None` where the file ends before they do.
    fn read(&mut self, start: usize) -> Option<()> {
        let (word, step) = if self.big { (8, 20) } else { (4, 12) };
        let head = if self.big { 8 } else { 2 };
        let count = self.order.number(self.bytes.get(start..start.checked_add(head)?)?);
        let entries = self.bytes.get(start + head..)?;
        let mut outside: u64 = 0;
        // Each entry takes its bytes of the file, so that a wrong count costs nothing.
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let end = count.checked_mul(step).and_then(|size| entries.get(size..size.checked_add(word)?));
        self.next = end.is_some_and(|offset| self.order.number(offset) != 0);
        for entry in entries.chunks_exact(step).take(count) {
            let tag = self.order.number(&entry[..2]) as u16;
            let kind = self.order.number(&entry[2..4]) as u16;
            let Some(unit) = unit(kind) else { continue };
            if self.entry(tag).is_some() {
                continue;
            }
            let size = self.order.number(&entry[4..4 + word]).saturating_mul(unit);
            let data = if size > word as u64 {
                outside = outside.saturating_add(size);
                if outside > self.bytes.len() as u64 {
                    self.whole = false;
                    continue;
                }
                let at = usize::try_from(self.order.number(&entry[4 + word..])).ok()?;
                self.bytes.get(at..at.checked_add(size as usize)?)?
            } else {
                &entry[4 + word..][..size as usize]
            };
            if !data.is_empty() {
                self.entries.push(Entry { tag, kind, data });
            }
        }
        (entries.len() / step >= count).then_some(())
    }

    fn entry(&self, tag: u16) -> Option<&Entry<'a>> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }

    /// The bytes of a tag, whatever its type.
    pub(crate) fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        self.entry(tag).map(|entry| entry.data)
    }

    /// The whole numbers of a tag, at most `most` of them. `None` where it is not there or has others.
    pub(crate) fn numbers(&self, tag: u16, most: usize) -> Option<Vec<u64>> {
        let entry = self.entry(tag)?;
        let unit = match entry.kind {
            3 => 2,
            4 | 13 => 4,
            16 => 8,
            1 => 1,
            _ => return None,
        };
        Some(entry.data.chunks_exact(unit).take(most).map(|value| self.order.number(value)).collect())
    }

    /// The first whole number of a tag.
    pub(crate) fn number(&self, tag: u16) -> Option<u64> {
        self.numbers(tag, 1)?.first().copied()
    }

    /// The orientation: of several values the first; whole numbers, and others that are equal to one.
    pub(crate) fn orientation(&self) -> Answer {
        let Some(entry) = self.entry(ORIENTATION) else { return Answer::Absent };
        let order = self.order;
        let data = |size: usize| entry.data.get(..size).map(|data| order.number(data)).unwrap_or(0);
        let value = match entry.kind {
            3 => data(2) as f64,
            8 => f64::from(data(2) as u16 as i16),
            4 | 13 => data(4) as f64,
            9 => f64::from(data(4) as u32 as i32),
            16 => data(8) as f64,
            6 => f64::from(data(1) as u8 as i8),
            5 | 10 => {
                let [above, below] =
                    [0, 4].map(|at| entry.data.get(at..at + 4).map_or(0, |part| order.number(part)));
                if entry.kind == 5 {
                    above as f64 / below as f64
                } else {
                    f64::from(above as u32 as i32) / f64::from(below as u32 as i32)
                }
            }
            11 => f64::from(f32::from_bits(data(4) as u32)),
            12 => f64::from_bits(data(8)),
            // Bytes and text, which Pillow does not take for a number.
            _ => return Answer::Meaningless,
        };
        if value.fract() == 0.0 && (0.0..256.0).contains(&value) {
            Answer::Value(value as u8)
        } else {
            Answer::Meaningless
        }
    }
}

impl Order {
    /// The number in at most 8 bytes.
    pub(crate) fn number(self, bytes: &[u8]) -> u64 {
        let add = |number: u64, &byte: &u8| number << 8 | u64::from(byte);
        match self {
            Order::Little => bytes.iter().rev().fold(0, add),
            Order::Big => bytes.iter().fold(0, add),
        }
    }
}

/// Bytes of one value of a type.
fn unit(kind: u16) -> Option<u64> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 | 16 => Some(8),
        _ => None,
    }
}

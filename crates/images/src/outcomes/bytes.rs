use image::RgbImage;

use super::{Decoded, InMemory, Outcomes};

/// What stands before the bytes of an outcome or of its image.
const UNREADABLE: u8 = 0;
const READ: u8 = 1;
const NO_IMAGE: u8 = 0;
const WHOLE: u8 = 1;
const SQUARE: u8 = 2;

impl Outcomes {
    /// Returns the outcomes as bytes for another process: for each why it could not be read, or its side, digest and largest value,
    /// and the pixels if they are in memory. Numbers have their lowest byte first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for outcome in &self.each {
            let decoded = match outcome {
                Err(reason) => {
                    bytes.push(UNREADABLE);
                    add(&mut bytes, reason.as_bytes());
                    continue;
                }
                Ok(decoded) => decoded,
            };
            let Decoded { side, sha256, brightest, image } = decoded;
            bytes.push(READ);
            bytes.extend(side.to_le_bytes());
            bytes.extend(sha256);
            // One more than the value, so that 0 is that of no image of 16 bits.
            bytes.extend(brightest.map_or(0, |brightest| u32::from(brightest) + 1).to_le_bytes());
            match image {
                None => bytes.push(NO_IMAGE),
                Some(InMemory::Whole(image)) => {
                    bytes.push(WHOLE);
                    bytes.extend(image.width().to_le_bytes());
                    bytes.extend(image.height().to_le_bytes());
                    add(&mut bytes, image.as_raw());
                }
                Some(InMemory::Square(square)) => {
                    bytes.push(SQUARE);
                    add(&mut bytes, square);
                }
            }
        }
        bytes
    }

    /// Adds the outcomes that another process has sent, which is to keep the same of images; false, and nothing added, where they
    /// make no sense.
    pub fn append(&mut self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        let mut added = Vec::new();
        while !rest.is_empty() {
            match self.read(&mut rest) {
                Some(outcome) => added.push(outcome),
                None => return false,
            }
        }
        self.each.extend(added);
        true
    }

    fn read(&self, rest: &mut &[u8]) -> Option<Result<Decoded, String>> {
        if byte(rest)? == UNREADABLE {
            return Some(Err(String::from_utf8(list(rest)?.to_vec()).ok()?));
        }
        let side = number(rest)?;
        let sha256 = take(rest, 32)?.try_into().ok()?;
        let brightest = number(rest)?.checked_sub(1).map(u16::try_from).transpose().ok()?;
        let image = match byte(rest)? {
            NO_IMAGE => None,
            WHOLE => {
                let (width, height) = (number(rest)?, number(rest)?);
                Some(InMemory::Whole(RgbImage::from_raw(width, height, list(rest)?.to_vec())?))
            }
            SQUARE => {
                let wanted = self.framed.as_ref()?.bytes();
                let square = list(rest).filter(|square| square.len() == wanted)?;
                Some(InMemory::Square(square.to_vec()))
            }
            _ => return None,
        };
        Some(Ok(Decoded { side, sha256, brightest, image }))
    }
}

/// Adds bytes after their number.
fn add(bytes: &mut Vec<u8>, list: &[u8]) {
    bytes.extend((list.len() as u64).to_le_bytes());
    bytes.extend(list);
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(taken)
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    take(rest, 1).map(|taken| taken[0])
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(take(rest, 4)?.try_into().ok()?))
}

fn list<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let count = u64::from_le_bytes(take(rest, 8)?.try_into().ok()?);
    take(rest, usize::try_from(count).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Keep, Transform};

    #[test]
    fn what_another_process_decoded_is_read_as_it_was_and_a_torn_message_is_refused() {
        let input = pretrained::InputSpec { resize: 2, crop: 2, ..pretrained::InputSpec::imagenet() };
        let square = Keep::Square(Box::new(Transform::evaluation(&input).unwrap()));
        let mut sent = Outcomes::none(square);
        let bytes = sent.framed.as_ref().unwrap().bytes();
        let decoded = |brightest, image| Ok(Decoded { side: 70_000, sha256: [7; 32], brightest, image });
        sent.each = vec![
            decoded(None, Some(InMemory::Square((0..bytes as u8).collect()))),
            Err("no image: \u{fc}".to_owned()),
            decoded(Some(u16::MAX), None),
            decoded(
                Some(0),
                Some(InMemory::Whole(RgbImage::from_fn(3, 2, |x, y| image::Rgb([x as u8, y as u8, 9])))),
            ),
        ];
        let message = sent.to_bytes();
        let mut received = sent.none_alike();
        assert!(received.append(&message));
        assert_eq!(received.each, sent.each);
        assert_eq!(received.in_memory(), bytes as u64 + 18);
        for end in [1, 5, 40, message.len() - 1] {
            let mut received = sent.none_alike();
            assert!(!received.append(&message[..end]) && received.each.is_empty(), "{end}");
        }
    }
}

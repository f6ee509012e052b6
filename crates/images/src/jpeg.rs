/// Whether a JPEG reaches its end-of-image marker.
///
/// The decoder fills what is missing with gray; a training set must not hold such pictures. Markers are found by
/// walking the segments (ITU T.81, annex B), because an embedded thumbnail has an end marker of its own.
pub(crate) fn is_complete(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let Some((marker, after)) = next_marker(rest) {
        match marker {
            0xD9 => return true,
            // Markers that stand alone: start of image, restart, temporary.
            0x01 | 0xD0..=0xD8 => rest = after,
            _ => match segment(after) {
                Some(after) => rest = after,
                None => return false,
            },
        }
    }
    false
}

/// The next marker's code and what follows it. Within compressed data `FF 00` is a byte of data.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let is_marker = |pair: &[u8]| pair[0] == 0xFF && pair[1] != 0x00 && pair[1] != 0xFF;
    let at = bytes.windows(2).position(is_marker)?;
    Some((bytes[at + 1], &bytes[at + 2..]))
}

/// What follows a segment that starts with its own length.
fn segment(bytes: &[u8]) -> Option<&[u8]> {
    let length = u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]);
    bytes.get(usize::from(length)..)
}

/// Returns the digit after the first `tiff:Orientation="` or `tiff:Orientation>`: Pillow's regular expression
/// `tiff:Orientation(="|>)([0-9])`.
pub(super) fn orientation(packet: &[u8]) -> Option<u8> {
    let name = b"tiff:Orientation";
    let after = packet.windows(name.len()).enumerate().filter(|(_, window)| window == name);
    after.map(|(at, _)| &packet[at + name.len()..]).find_map(|rest| {
        let rest = rest.strip_prefix(b"=\"").or_else(|| rest.strip_prefix(b">"))?;
        rest.first().filter(|digit| digit.is_ascii_digit()).map(|digit| digit - b'0')
    })
}

#[cfg(test)]
mod tests {
    use super::orientation;

    #[test]
    fn attribute_and_element_are_found_and_the_first_one_counts() {
        assert_eq!(orientation(br#"<a tiff:Orientation="6" />"#), Some(6));
        assert_eq!(orientation(b"<tiff:Orientation>3</tiff:Orientation>"), Some(3));
        assert_eq!(
            orientation(br#"tiff:Orientation='6' tiff:Orientation="7" tiff:Orientation="8""#),
            Some(7)
        );
        assert_eq!(orientation(b"<tiff:Orientation></tiff:Orientation>"), None);
        assert_eq!(orientation(b"tiff:Orientation"), None);
        assert_eq!(orientation(b""), None);
    }
}

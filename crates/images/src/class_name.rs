use unicode_normalization::UnicodeNormalization;

/// The class that a folder's name or a cell means: composed Unicode (NFC) without spaces around it, so that the same word
/// written on a Mac (decomposed) and elsewhere (composed) is one class.
pub(crate) fn class_name(written: &str) -> String {
    written.trim().nfc().collect()
}

/// What two names have in common that differ in capitals alone.
pub(crate) fn folded(name: &str) -> String {
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_forms_of_one_word_are_one_class() {
        assert_eq!(class_name("caf\u{e9}"), class_name("cafe\u{301} "));
        assert_ne!(class_name("Cat"), class_name("cat"));
        assert_eq!(folded("Cat"), folded("cAT"));
    }
}

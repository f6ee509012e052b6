//! A SHA-256 as an argument.

/// Returns the 64 hex digits in lower case.
pub(crate) fn sha256(text: &str) -> Result<String, &'static str> {
    let is_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_digest { Ok(text.to_lowercase()) } else { Err("a SHA-256 has 64 hex digits") }
}

//! A secret, and the one server that sees it.

use std::fmt;
use std::net::IpAddr;

use ureq::http::{HeaderValue, Uri};

/// What a server knows a user by. It is printed nowhere: [`fmt::Debug`] gives no letter of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Reads a token, spaces around it aside; `None` for a text that no header can have.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self(text.to_owned()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// A token and the server that it is for.
#[derive(Clone, Debug)]
pub(super) struct Credentials {
    origin: String,
    token: Token,
}

impl Credentials {
    /// The token for the server at `url`; `None` for a server that would get it over a line on which others read along.
    pub(super) fn new(url: &str, token: Token) -> Option<Self> {
        let origin = origin(url)?;
        (origin.starts_with("https://") || is_loopback(url)).then_some(Self { origin, token })
    }

    /// The header that goes with a request for `url`: none for any other server.
    pub(super) fn header(&self, url: &str) -> Option<HeaderValue> {
        if origin(url)? != self.origin {
            return None;
        }
        let mut header = HeaderValue::from_str(&format!("Bearer {}", self.token.0)).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

/// Scheme, host and port of an address.
pub(super) fn origin(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?).to_lowercase())
}

/// Whether an address is of this machine.
pub(super) fn is_loopback(url: &str) -> bool {
    let uri: Option<Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(|uri| uri.host()).unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_to_its_server_alone_and_shows_nowhere() {
        let token = Token::new(" hf_secret\n").unwrap();
        let credentials = Credentials::new("https://hub.example/base", token.clone()).unwrap();
        assert!(credentials.header("https://HUB.example/a/b").is_some());
        for other in [
            "http://hub.example/a",
            "https://hub.example:8443/a",
            "https://cdn.hub.example/a",
            "https://hub.example.evil/a",
            "https://hub.example@evil/a",
            "/a",
        ] {
            assert_eq!(credentials.header(other), None, "{other}");
        }
        assert!(Credentials::new("http://hub.example", token.clone()).is_none());
        assert!(Credentials::new("http://127.0.0.1.example", token.clone()).is_none());
        assert!(Credentials::new("http://127.0.0.1:80", token.clone()).is_some());
        assert!(Credentials::new("http://[::1]/x", token).is_some());
        let shown = format!("{credentials:?} {:?}", credentials.header("https://hub.example/"));
        assert!(!shown.contains("secret"), "{shown}");
        assert!(Token::new("a b").is_none() && Token::new("é").is_none() && Token::new(" ").is_none());
    }
}

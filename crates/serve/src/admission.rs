//! Which requests come from this machine's own user: every web page may send requests to 127.0.0.1.
//!
//! A page of a stranger reaches this address in two ways. It sends a request across origins: then a browser names the origin.
//! Or its own name is made to lead here (DNS rebinding): then `Host` holds that name. An address or `localhost` cannot be
//! made to lead elsewhere.

use std::net::IpAddr;

use hyper::Method;
use hyper::header::{HOST, HeaderMap, HeaderName, ORIGIN};

use crate::refusal::Refusal;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses a request that was meant for another host, or sent by a page of another one. A link to the page may stand
/// anywhere: what a `GET` answers, another origin cannot read.
pub(crate) fn check(method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name: &HeaderName| {
        let mut all = headers.get_all(name).iter();
        let first = all.next().map(|value| value.to_str().unwrap_or("?"));
        // Of two, nobody knows which one counts.
        first.map(|first| if all.next().is_some() { "?" } else { first })
    };
    let host = text(&HOST).filter(|host| is_address(host)).ok_or(Refusal::Name)?;
    let is_own = text(&ORIGIN).is_none_or(|origin| origin.strip_prefix("http://") == Some(host));
    let site = text(&FETCH_SITE).filter(|_| *method != Method::GET);
    let is_near = site.is_none_or(|site| site == "same-origin" || site == "none");
    if is_own && is_near { Ok(()) } else { Err(Refusal::Stranger) }
}

/// Whether this is an address, or `localhost`. Its port may be another one: that of a tunnel or a container.
fn is_address(host: &str) -> bool {
    let (name, is_port) = match host.rsplit_once(':') {
        Some((name, digits)) if !digits.ends_with(']') => (name, digits.parse::<u16>().is_ok()),
        _ => (host, true),
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let is_name = name.eq_ignore_ascii_case("localhost");
    let is_number = match bare {
        Some(bare) => bare.parse::<std::net::Ipv6Addr>().is_ok(),
        None => name.parse::<IpAddr>().is_ok_and(|address| address.is_ipv4()),
    };
    is_port && (is_name || is_number)
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn admitted(pairs: &[[&str; 2]]) -> bool {
        let mut headers = HeaderMap::new();
        for [name, value] in pairs {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        check(&Method::POST, &headers).is_ok()
    }

    #[test]
    fn only_addresses_and_localhost_are_this_host() {
        for host in [
            "127.0.0.1:8080",
            "localhost:8080",
            "LocalHost:9000",
            "localhost",
            "[::1]:8080",
            "[::1]",
            "192.168.1.5:8080",
        ] {
            assert!(admitted(&[["host", host]]), "{host}");
        }
        for host in [
            "evil.example:8080",
            "127.0.0.1.evil.example:8080",
            "localhost.evil:8080",
            "::1:8080",
            "[evil]:8080",
            "",
            ":8080",
            "127.0.0.1:8080:8080",
            "127.0.0.1:port",
            "user@127.0.0.1:8080",
        ] {
            assert!(!admitted(&[["host", host]]), "{host}");
        }
        assert!(!admitted(&[]));
        assert!(!admitted(&[["host", "127.0.0.1:8080"], ["host", "evil.example:8080"]]));
    }

    #[test]
    fn pages_of_others_are_refused() {
        let with = |name: &str, value: &str| admitted(&[["host", "127.0.0.1:8080"], [name, value]]);
        assert!(with("origin", "http://127.0.0.1:8080"));
        for origin in [
            "http://evil.example",
            "null",
            "https://127.0.0.1:8080",
            "http://localhost:8080",
            "http://127.0.0.1:9",
        ] {
            assert!(!with("origin", origin), "{origin}");
        }
        assert!(with("sec-fetch-site", "same-origin") && with("sec-fetch-site", "none"));
        assert!(!with("sec-fetch-site", "cross-site") && !with("sec-fetch-site", "same-site"));
        let linked = [["host", "127.0.0.1:8080"], ["sec-fetch-site", "cross-site"]];
        let linked =
            linked.map(|[name, value]| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        assert!(check(&Method::GET, &HeaderMap::from_iter(linked)).is_ok());
    }
}

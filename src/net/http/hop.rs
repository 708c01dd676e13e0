//! Redirects (RFC 9110 section 15.4): what is asked next, and of whom. Shown in any case; followed only
//! where a person said so, each hop an exchange of its own.

use super::Request;
use crate::model::url::{Role, Url};

/// Headers that are for one server alone, and those that a body brought with it.
const PRIVATE: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];
const OF_BODY: [&str; 5] = ["content-type", "content-encoding", "transfer-encoding", "trailer", "expect"];

/// What a response points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    pub status: u16,
    pub location: Box<str>,
}

impl Pointer {
    /// The same of a response of HTTP/2.
    pub fn of_response<B>(response: &http::Response<B>) -> Option<Self> {
        let location = response.headers().get(http::header::LOCATION)?.to_str().ok()?;
        Self::of(response.status().as_u16(), format!("location: {location}").as_bytes())
    }

    /// Reads it off a response's head, if it is a redirect with a place to go.
    pub fn of(status: u16, head: &[u8]) -> Option<Self> {
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let text = std::str::from_utf8(head).ok()?;
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = lines.find(|(name, _)| name.eq_ignore_ascii_case("location"))?;
        let location = value.trim();
        (!location.is_empty()).then(|| Self { status, location: location.into() })
    }
}

/// The next request, and where it goes if that is another server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    pub request: Request,
    pub elsewhere: Option<Url>,
}

impl Hop {
    /// `at`: the server that answered `asked` so.
    ///
    /// # Errors
    /// Where it points cannot be asked over HTTP; a sentence.
    pub fn of(at: &Url, asked: &Request, pointer: &Pointer) -> Result<Self, String> {
        let location = pointer.location.split('#').next().unwrap_or_default();
        let (elsewhere, target) = place(at, &asked.target, location)?;
        let mut request = Request { target, ..asked.clone() };
        // Section 15.4.4; and of 301 and 302 what everybody makes of them.
        let drops = match pointer.status {
            303 => asked.method != "HEAD",
            301 | 302 => asked.method == "POST",
            _ => false,
        };
        if drops {
            request.method = "GET".into();
            request.body = bytes::Bytes::new();
            request.chunks = Vec::new();
            request.trailers = Vec::new();
        }
        let is = |names: &[&str], name: &str| names.iter().any(|other| name.eq_ignore_ascii_case(other));
        request.headers.retain(|(name, _)| {
            let private = elsewhere.is_some() && (is(&PRIVATE, name) || name.eq_ignore_ascii_case("host"));
            !(private || (drops && is(&OF_BODY, name)))
        });
        Ok(Self { request, elsewhere })
    }
}

/// RFC 3986 section 5.2, as far as a request needs it: another server if it is one, and the target there.
fn place(at: &Url, target: &str, location: &str) -> Result<(Option<Url>, String), String> {
    let whole = match location.strip_prefix("//") {
        Some(rest) => Some(format!("{}://{rest}", at.scheme)),
        None => {
            location.split_once("://").filter(|(scheme, _)| scheme.bytes().all(is_scheme)).map(|_| location.to_owned())
        }
    };
    if let Some(whole) = whole {
        // A query may stand right behind the host.
        let whole = match whole.split_once("://").and_then(|(_, rest)| rest.find(['/', '?']).map(|at| (rest, at))) {
            Some((rest, cut)) if rest.as_bytes()[cut] == b'?' => {
                let cut = whole.len() - rest.len() + cut;
                format!("{}/{}", &whole[..cut], &whole[cut..])
            }
            _ => whole,
        };
        let url = Url::parse(&whole, Role::Connect).map_err(|error| format!("the redirect to {whole}: {error}"))?;
        if !url.scheme.is_http() {
            return Err(format!("the redirect to {whole} leaves HTTP"));
        }
        let target = if url.path.is_empty() { "/".to_owned() } else { url.path.to_string() };
        let same = (url.scheme, &url.host, url.port) == (at.scheme, &at.host, at.port);
        return Ok(((!same).then_some(url), target));
    }
    let path = target.split('?').next().unwrap_or_default();
    let joined = match location.as_bytes().first() {
        Some(b'/') => location.to_owned(),
        Some(b'?') => format!("{path}{location}"),
        _ => format!("{}{location}", &path[..path.rfind('/').map_or(0, |at| at + 1)]),
    };
    let joined = plain(&joined);
    if joined.parse::<http::Uri>().is_err() {
        return Err(format!("the redirect to {location} is no path and no URL"));
    }
    Ok((None, joined))
}

fn is_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// RFC 3986 section 5.2.4: without `.` and `..`.
fn plain(target: &str) -> String {
    let (path, query) = match target.find('?') {
        Some(at) => target.split_at(at),
        None => (target, ""),
    };
    let mut parts: Vec<&str> = Vec::new();
    let mut ends = true;
    for part in path.split('/').skip(1) {
        ends = matches!(part, "." | ".." | "");
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            "" => {}
            part => parts.push(part),
        }
    }
    let slash = if ends && !parts.is_empty() { "/" } else { "" };
    format!("/{}{slash}{query}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Url {
        Url::parse(text, Role::Connect).unwrap()
    }

    fn hop(asked: &Request, status: u16, location: &str) -> Result<Hop, String> {
        Hop::of(&at("http://a.test:81/x"), asked, &Pointer { status, location: location.into() })
    }

    fn get(target: &str) -> Request {
        Request { method: "GET".into(), target: target.into(), ..Request::default() }
    }

    #[test]
    fn a_pointer_is_a_redirect_with_a_place_to_go() {
        let head = b"HTTP/1.1 302 Found\r\nX: y\r\nlocation:  /b \r\n\r\n";
        assert_eq!(Pointer::of(302, head), Some(Pointer { status: 302, location: "/b".into() }));
        assert_eq!(Pointer::of(200, head), None);
        assert_eq!(Pointer::of(302, b"HTTP/1.1 302 Found\r\n\r\n"), None);
    }

    #[test]
    fn a_place_may_be_relative() {
        let cases = [
            ("/a/b?c", "/d", "/d"),
            ("/a/b?c", "d", "/a/d"),
            ("/a/b", "../d?e", "/d?e"),
            ("/a/b?c", "?e", "/a/b?e"),
            ("/a/b", "./", "/a/"),
            ("/a", "http://a.test:81/z#frag", "/z"),
            ("/a", "//a.test:81", "/"),
            ("*", "/d", "/d"),
        ];
        for (target, location, want) in cases {
            let hop = hop(&get(target), 302, location).unwrap();
            assert_eq!((&*hop.request.target, hop.elsewhere), (want, None), "{target} -> {location}");
        }
    }

    #[test]
    fn another_server_gets_no_secrets() {
        let mut asked = get("/");
        asked.headers = vec![("Cookie".into(), "a".into()), ("Host".into(), "a".into()), ("X-A".into(), "b".into())];
        let there = hop(&asked, 307, "https://b.test/q?r").unwrap();
        assert_eq!(there.elsewhere, Some(at("https://b.test/q?r")));
        assert_eq!(there.request.target, "/q?r");
        assert_eq!(there.request.headers, [("X-A".to_owned(), "b".to_owned())]);
        assert_eq!(hop(&asked, 307, "/same").unwrap().request.headers.len(), 3);
        assert_eq!(hop(&asked, 301, "http://b.test?r").unwrap().request.target, "/?r");
    }

    #[test]
    fn the_method_changes_as_everybody_does_it() {
        let post = Request { method: "POST".into(), body: "x".into(), ..get("/") };
        for (status, method, body) in
            [(301, "GET", 0), (302, "GET", 0), (303, "GET", 0), (307, "POST", 1), (308, "POST", 1)]
        {
            let request = hop(&post, status, "/b").unwrap().request;
            assert_eq!((&*request.method, request.body.len()), (method, body), "{status}");
        }
        let head = Request { method: "HEAD".into(), ..get("/") };
        assert_eq!(hop(&head, 303, "/b").unwrap().request.method, "HEAD");
    }

    #[test]
    fn what_cannot_be_asked_is_said() {
        assert!(hop(&get("/"), 302, "ftp://a/").is_err());
        assert!(hop(&get("/"), 302, "ws://a/").unwrap_err().contains("leaves HTTP"));
        assert!(hop(&get("/"), 302, "/a b").unwrap_err().contains("no path"));
    }

    proptest::proptest! {
        #[test]
        fn no_location_panics(target in "(/|\\*|)[a./?]{0,12}", location in "(http://|//|)[a-c./?:# é]{0,16}") {
            if let Ok(hop) = hop(&get(&target), 302, &location) {
                proptest::prop_assert!(hop.request.target.starts_with('/'));
            }
        }
    }
}

//! A curl command as the request it sends: what browsers copy and documents quote.

use super::super::Request;
use super::super::compose::headers as read_headers;
use super::super::write::host;
use crate::model::base64;
use crate::model::draft::Rejection;
use crate::model::url::{Role, Url};

/// Whether a text is meant as a command of curl.
pub fn is_curl(text: &str) -> bool {
    let text = text.trim_start();
    let text = text.strip_prefix("$ ").unwrap_or(text);
    text.strip_prefix("curl").is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

/// A command that was understood. A file that it names is not read here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Curl {
    pub url: Url,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    data: Vec<Data>,
    /// The data goes into the query (`-G`).
    queried: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Data {
    Text(String),
    /// A path; `trimmed`: without its line ends, as `-d @file` sends it.
    File {
        path: String,
        trimmed: bool,
    },
}

/// What an option does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Method,
    Header,
    Data,
    DataRaw,
    DataBinary,
    Json,
    Upload,
    User,
    Agent,
    Referer,
    Cookie,
    Url,
    Target,
    Head,
    Get,
    Compressed,
    /// Says how, not what: the connection is there already.
    Nothing,
    /// The same with a value.
    NothingWith,
}

/// A row an option: its letter, if it has one, and its name.
const OPTIONS: &[(Option<char>, &str, Does)] = &[
    (Some('X'), "request", Does::Method),
    (Some('H'), "header", Does::Header),
    (Some('d'), "data", Does::Data),
    (None, "data-ascii", Does::Data),
    (None, "data-raw", Does::DataRaw),
    (None, "data-binary", Does::DataBinary),
    (None, "json", Does::Json),
    (Some('T'), "upload-file", Does::Upload),
    (Some('u'), "user", Does::User),
    (Some('A'), "user-agent", Does::Agent),
    (Some('e'), "referer", Does::Referer),
    (Some('b'), "cookie", Does::Cookie),
    (None, "url", Does::Url),
    (None, "request-target", Does::Target),
    (Some('I'), "head", Does::Head),
    (Some('G'), "get", Does::Get),
    (None, "compressed", Does::Compressed),
    (Some('k'), "insecure", Does::Nothing),
    (Some('L'), "location", Does::Nothing),
    (Some('s'), "silent", Does::Nothing),
    (Some('S'), "show-error", Does::Nothing),
    (Some('v'), "verbose", Does::Nothing),
    (Some('i'), "include", Does::Nothing),
    (Some('f'), "fail", Does::Nothing),
    (Some('g'), "globoff", Does::Nothing),
    (Some('N'), "no-buffer", Does::Nothing),
    (Some('#'), "progress-bar", Does::Nothing),
    (Some('4'), "ipv4", Does::Nothing),
    (Some('6'), "ipv6", Does::Nothing),
    (None, "http1.1", Does::Nothing),
    (None, "path-as-is", Does::Nothing),
    (Some('m'), "max-time", Does::NothingWith),
    (None, "connect-timeout", Does::NothingWith),
    (Some('o'), "output", Does::NothingWith),
    (Some('w'), "write-out", Does::NothingWith),
];

impl Does {
    fn takes_value(self) -> bool {
        !matches!(self, Self::Head | Self::Get | Self::Compressed | Self::Nothing)
    }
}

/// What has been read so far.
#[derive(Default)]
struct Draft {
    url: Option<String>,
    method: Option<String>,
    target: Option<String>,
    headers: Vec<(String, String)>,
    /// Headers that curl would add and that are not wanted (`-H 'Accept:'`).
    without: Vec<String>,
    /// Headers of options: behind those that were written out, which win.
    implied: Vec<(&'static str, String)>,
    data: Vec<Data>,
    head: bool,
    queried: bool,
    upload: bool,
}

impl Curl {
    /// Reads a command line.
    ///
    /// # Errors
    /// What of it is not understood, or has no meaning here.
    pub fn read(text: &str) -> Result<Self, Rejection> {
        let text = text.trim_start();
        let text = one_line(text.strip_prefix("$ ").unwrap_or(text))?;
        let words = shlex::split(&text).ok_or_else(|| Rejection("a quote of the curl command is open".into()))?;
        let mut words = words.into_iter().skip(1);
        let mut draft = Draft::default();
        let mut plain = false;
        while let Some(word) = words.next() {
            if word == "--" {
                plain = true;
            } else if let Some(name) = word.strip_prefix("--").filter(|_| !plain) {
                let does = long(name)?;
                let value = if does.takes_value() { value(&word, words.next())? } else { String::new() };
                draft.take(does, value)?;
            } else if word.len() > 1 && word.starts_with('-') && !plain {
                draft.letters(&word[1..], &mut words)?;
            } else {
                draft.take(Does::Url, word)?;
            }
        }
        draft.finish()
    }

    /// The files it sends, in their order.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.data.iter().filter_map(|data| match data {
            Data::File { path, .. } => Some(&**path),
            Data::Text(_) => None,
        })
    }

    /// The request; `files` are the bytes of [`Curl::files`].
    pub fn request(&self, files: &[Vec<u8>]) -> Request {
        let mut files = files.iter();
        let mut body = Vec::new();
        for (n, data) in self.data.iter().enumerate() {
            if n > 0 {
                body.push(b'&');
            }
            match data {
                Data::Text(text) => body.extend_from_slice(text.as_bytes()),
                Data::File { trimmed, .. } => {
                    let bytes = files.next().map(Vec::as_slice).unwrap_or_default();
                    body.extend(bytes.iter().filter(|byte| !(*trimmed && matches!(byte, b'\r' | b'\n' | 0))));
                }
            }
        }
        let mut target = self.target.clone();
        if self.queried && !body.is_empty() {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(&String::from_utf8_lossy(&std::mem::take(&mut body)));
        }
        let (method, headers) = (self.method.clone(), self.headers.clone());
        let chunked = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("transfer-encoding"));
        let chunks = if chunked { vec![body.len()] } else { Vec::new() };
        Request { method, target, headers, body: body.into(), chunks, trailers: Vec::new() }
    }
}

/// Without the line ends that a backslash stands before, outside of quotes.
fn one_line(text: &str) -> Result<String, Rejection> {
    let mut out = String::with_capacity(text.len());
    let mut quote = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match (quote, c) {
            (None, '$') if rest.peek() == Some(&'\'') => {
                return Err(Rejection("$'...' is bash's own quoting: copy the command with plain quotes".into()));
            }
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (Some('\''), _) => {}
            (_, '\\') => {
                let after = rest.next();
                // Windows ends lines in two characters.
                let end = if after == Some('\r') { rest.next_if_eq(&'\n') } else { after.filter(|c| *c == '\n') };
                if quote.is_none() && end.is_some() {
                    out.push(' ');
                } else {
                    out.push(c);
                    out.extend(after);
                }
                continue;
            }
            _ => {}
        }
        out.push(c);
    }
    Ok(out)
}

fn long(name: &str) -> Result<Does, Rejection> {
    match OPTIONS.iter().find(|row| row.1 == name) {
        Some(row) => Ok(row.2),
        None if name == "form" || name == "form-string" => Err(form()),
        None => Err(Rejection(format!("curl's --{name} is not understood here"))),
    }
}

fn form() -> Rejection {
    Rejection("curl's -F makes a body of many parts, which is not done here: write it with --data-binary".into())
}

fn value(option: &str, value: Option<String>) -> Result<String, Rejection> {
    value.ok_or_else(|| Rejection(format!("curl's {option} has no value behind it")))
}

impl Draft {
    /// `-sSXPOST`: letters in a row, the last of which may have its value right behind it.
    fn letters(&mut self, letters: &str, words: &mut impl Iterator<Item = String>) -> Result<(), Rejection> {
        for (at, letter) in letters.char_indices() {
            if letter == 'F' {
                return Err(form());
            }
            let row = OPTIONS.iter().find(|row| row.0 == Some(letter));
            let does = row.ok_or_else(|| Rejection(format!("curl's -{letter} is not understood here")))?.2;
            if !does.takes_value() {
                self.take(does, String::new())?;
                continue;
            }
            let rest = &letters[at + letter.len_utf8()..];
            let text = if rest.is_empty() { value(&format!("-{letter}"), words.next())? } else { rest.to_owned() };
            return self.take(does, text);
        }
        Ok(())
    }

    fn take(&mut self, does: Does, text: String) -> Result<(), Rejection> {
        let file = |trimmed: bool| match text.strip_prefix('@') {
            Some("-") => Err(Rejection("curl's @- reads a standard input that is not here: name a file".into())),
            Some(path) => Ok(Data::File { path: path.to_owned(), trimmed }),
            None => Ok(Data::Text(text.clone())),
        };
        match does {
            Does::Method => self.method = Some(text),
            Does::Header => self.header(&text)?,
            Does::Data => self.data.push(file(true)?),
            Does::DataBinary => self.data.push(file(false)?),
            Does::DataRaw => self.data.push(Data::Text(text)),
            Does::Json => {
                self.data.push(file(false)?);
                self.implied.push(("Content-Type", "application/json".into()));
                self.implied.push(("Accept", "application/json".into()));
            }
            Does::Upload => {
                self.upload = true;
                self.data.push(Data::File { path: text, trimmed: false });
            }
            Does::User => {
                let user = if text.contains(':') { text } else { format!("{text}:") };
                self.implied.push(("Authorization", format!("Basic {}", base64::encode(user.as_bytes()))));
            }
            Does::Agent => self.implied.push(("User-Agent", text)),
            Does::Referer => self.implied.push(("Referer", text)),
            Does::Cookie if text.contains('=') => self.implied.push(("Cookie", text)),
            Does::Cookie => {
                return Err(Rejection("curl's -b names a cookie jar: write the cookies, name=value".into()));
            }
            Does::Target => self.target = Some(text),
            Does::Url if self.url.is_some() => {
                return Err(Rejection("the curl command has two URLs: one is sent".into()));
            }
            Does::Url => self.url = Some(text),
            Does::Head => self.head = true,
            Does::Get => self.queried = true,
            Does::Compressed => self.implied.push(("Accept-Encoding", "deflate, gzip, br, zstd".into())),
            Does::Nothing | Does::NothingWith => {}
        }
        Ok(())
    }

    /// `Name: value`; `Name:` takes away what curl would add; `Name;` has no value.
    fn header(&mut self, text: &str) -> Result<(), Rejection> {
        if text.starts_with('@') {
            return Err(Rejection("curl's -H @file is not understood here: write the headers".into()));
        }
        match (text.split_once(':'), text.strip_suffix(';')) {
            (Some((name, value)), _) if value.trim().is_empty() => self.without.push(name.trim().to_owned()),
            (Some(_), _) => self.headers.extend(read_headers(std::iter::once(text))?),
            (None, Some(name)) => self.headers.extend(read_headers(std::iter::once(&*format!("{name}:")))?),
            (None, None) => return Err(Rejection(format!("\"{text}\" is no header: write Name: value"))),
        }
        Ok(())
    }

    fn finish(self) -> Result<Curl, Rejection> {
        let text = self.url.ok_or_else(|| Rejection("the curl command has no URL".into()))?;
        let text = text.split('#').next().unwrap_or_default();
        let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        // A query may stand right behind the host.
        let start = text.find("://").map_or(0, |at| at + 3);
        let (base, query) = match text[start..].find(['/', '?']).map(|at| at + start) {
            Some(at) if text.as_bytes()[at] == b'?' => (text[..at].to_owned(), format!("/{}", &text[at..])),
            _ => (text.clone(), String::new()),
        };
        let url = Url::parse(&base, Role::Connect).map_err(Rejection)?;
        if !url.scheme.is_http() {
            return Err(Rejection(format!("{url} is not for HTTP")));
        }
        let path = if query.is_empty() { url.path.to_string() } else { query };
        let target = self.target.unwrap_or(if path.is_empty() { "/".into() } else { path });
        if target.parse::<http::Uri>().is_err() {
            return Err(Rejection(format!("\"{target}\" is no path: write %20 for a space")));
        }
        let sends = !self.data.is_empty() && !self.queried;
        let usual = match (self.head, self.upload, sends) {
            (true, ..) => "HEAD",
            (_, true, _) => "PUT",
            (_, _, true) => "POST",
            _ => "GET",
        };
        let method = self.method.unwrap_or_else(|| usual.into());
        if http::Method::from_bytes(method.as_bytes()).is_err() {
            return Err(Rejection(format!("\"{method}\" is no method: write one such as GET or POST")));
        }
        let mut implied = self.implied;
        if sends && !self.upload {
            implied.push(("Content-Type", "application/x-www-form-urlencoded".into()));
        }
        implied.push(("Accept", "*/*".into()));
        let mut headers = self.headers;
        let has = |headers: &[(String, String)], name: &str| {
            headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
        };
        headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
        if !has(&headers, "host") {
            headers.insert(0, ("Host".into(), host(&url)));
        }
        for (name, value) in implied {
            let unwanted = self.without.iter().any(|other| other.eq_ignore_ascii_case(name));
            if !unwanted && !has(&headers, name) {
                headers.extend(read_headers(std::iter::once(&*format!("{name}: {value}")))?);
            }
        }
        Ok(Curl { url, method, target, headers, data: self.data, queried: self.queried })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Request, String> {
        Curl::read(text).map(|curl| curl.request(&[b"from\na file".to_vec()])).map_err(|rejection| rejection.0)
    }

    fn line(request: &Request, name: &str) -> Option<String> {
        request.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone())
    }

    #[test]
    fn what_browsers_copy_is_understood() {
        let text = "curl 'https://a.test/x?y=1' \\\n  -X PUT \\\n  -H 'accept: text/html' -H 'X-oDD: \"q\"' \\\n --data-raw '{\"a\":1}' --compressed";
        let request = read(text).unwrap();
        assert_eq!((&*request.method, &*request.target, &request.body[..]), ("PUT", "/x?y=1", &b"{\"a\":1}"[..]));
        assert_eq!(request.headers[0], ("Host".to_owned(), "a.test".to_owned()));
        assert_eq!(request.headers[1], ("accept".to_owned(), "text/html".to_owned()));
        assert_eq!(line(&request, "X-oDD").as_deref(), Some("\"q\""));
        assert!(line(&request, "Accept-Encoding").is_some() && line(&request, "Accept").is_none());
    }

    #[test]
    fn each_option_does_what_curl_does() {
        let cases = [
            ("curl a.test", "GET", "/", ""),
            ("$ curl -sSL http://a:1?b", "GET", "/?b", ""),
            ("curl -I a/b", "HEAD", "/b", ""),
            ("curl -d a=1 -d b=2 a", "POST", "/", "a=1&b=2"),
            ("curl -G -d a=1 a/?x", "GET", "/?x&a=1", ""),
            ("curl -da=1 -XPATCH a", "PATCH", "/", "a=1"),
            ("curl -d @f a", "POST", "/", "froma file"),
            ("curl --data-binary @f a", "POST", "/", "from\na file"),
            ("curl -T f a/f", "PUT", "/f", "from\na file"),
            ("curl --json '{}' a", "POST", "/", "{}"),
            ("curl --url a --request-target '*' -X OPTIONS", "OPTIONS", "*", ""),
        ];
        for (text, method, target, body) in cases {
            let request = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let got = (&*request.method, &*request.target, &request.body[..]);
            assert_eq!(got, (method, target, body.as_bytes()), "{text}");
        }
        let request = read("curl -u me:secret -A it -e there -b 'a=b' -k -H 'Accept:' -H 'X-E;' a").unwrap();
        assert_eq!(line(&request, "Authorization").as_deref(), Some("Basic bWU6c2VjcmV0"));
        assert_eq!(line(&request, "User-Agent").as_deref(), Some("it"));
        assert_eq!(line(&request, "Referer").as_deref(), Some("there"));
        assert_eq!(line(&request, "Cookie").as_deref(), Some("a=b"));
        assert_eq!((line(&request, "Accept"), line(&request, "X-E").as_deref()), (None, Some("")));
        let request = read("curl -d x -H 'content-type: text/plain' a").unwrap();
        assert_eq!(line(&request, "Content-Type"), None);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let cases = [
            ("curl", "no URL"),
            ("curl -F a=b x", "-F makes a body of many parts"),
            ("curl --form a=b x", "-F makes a body of many parts"),
            ("curl --socks5 a x", "--socks5 is not understood"),
            ("curl -Z x", "-Z is not understood"),
            ("curl -X", "-X has no value"),
            ("curl a b", "two URLs"),
            ("curl 'a", "quote"),
            ("curl -d @- a", "@-"),
            ("curl -b jar a", "cookie jar"),
            ("curl ftp://a", "no scheme"),
            ("curl ws://a", "not for HTTP"),
            ("curl -H nonsense a", "is no header"),
            ("curl --data-raw $'a\\n' a", "bash's own"),
        ];
        for (text, want) in cases {
            let error = read(text).unwrap_err();
            assert!(error.contains(want), "{text}: {error}");
        }
        assert!(!is_curl("curly") && is_curl("curl\n-X") && !is_curl("GET /"));
    }
}

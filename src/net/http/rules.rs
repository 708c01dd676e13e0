//! The rules of a listener at work: which one a request meets, how often each was met, and what it answers.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use http::{HeaderName, HeaderValue, StatusCode, header};
use parking_lot::Mutex;
use wildmatch::WildMatch;

use super::body::Body;
use super::desk::{Response, TEXT, text};
use super::spelling;
use crate::model::rule::{Act, Rule, Rules};
use crate::model::size;
use crate::model::spec::Spec;
use crate::model::view::{Facts, Group};

/// The largest file that is answered with. It is streamed: the bound is for slips such as a disk's device.
const LARGEST: u64 = 4 << 30;

/// One rule, ready to be held against requests.
#[derive(Debug)]
pub struct Line {
    pub rule: Rule,
    /// The same as it is written.
    pub text: String,
    path: WildMatch,
    hits: AtomicU64,
}

/// The rules of one run of a listener, with their hit counts. A rule that stays keeps its count when the
/// others change.
#[derive(Default)]
pub struct Book(Mutex<Table>);

#[derive(Default, Clone)]
struct Table {
    of: Rules,
    lines: Vec<Arc<Line>>,
}

impl Book {
    /// The first rule that a request meets; it is counted.
    pub fn meet(&self, rules: &Rules, method: &str, path: &str) -> Option<Arc<Line>> {
        if rules.0.is_empty() {
            return None;
        }
        let mut table = self.0.lock();
        table.follow(rules);
        let meets = |line: &&Arc<Line>| {
            line.rule.method.as_deref().is_none_or(|wanted| wanted == method) && line.path.matches(path)
        };
        let line = table.lines.iter().find(meets).cloned()?;
        line.hits.fetch_add(1, Relaxed);
        Some(line)
    }

    /// Each rule as it is written, and how often it was met.
    fn counts(&self, rules: &Rules) -> Vec<(String, u64)> {
        let mut table = self.0.lock();
        table.follow(rules);
        table.lines.iter().map(|line| (line.text.clone(), line.hits.load(Relaxed))).collect()
    }
}

/// The rules of a listener for its details page.
pub struct Counts {
    /// Gone with its run of the listener.
    pub book: Weak<Book>,
    pub now: tokio::sync::watch::Receiver<Arc<Spec>>,
}

impl Facts for Counts {
    fn read(&self) -> Vec<Group> {
        let rules = self.now.borrow().settings.http.rules.clone();
        let Some(book) = self.book.upgrade().filter(|_| !rules.0.is_empty()) else { return Vec::new() };
        let row = |(rule, hits): (String, u64)| (format!("{} hits", size::exact(hits)).into(), rule);
        vec![Group { title: "rules".into(), rows: book.counts(&rules).into_iter().map(row).collect() }]
    }
}

impl Table {
    /// Becomes the table of these rules.
    fn follow(&mut self, rules: &Rules) {
        if Arc::ptr_eq(&self.of.0, &rules.0) {
            return;
        }
        let mut old = std::mem::take(&mut self.lines);
        self.lines = rules
            .0
            .iter()
            .map(|rule| match old.iter().position(|line| line.rule == *rule) {
                Some(at) => old.swap_remove(at),
                None => {
                    let (text, path) = (rule.to_string(), WildMatch::new(&rule.path));
                    Arc::new(Line { rule: rule.clone(), text, path, hits: AtomicU64::default() })
                }
            })
            .collect();
        self.of = rules.clone();
    }
}

/// The answer of a rule that needs no file and nobody else.
pub fn at_once(rule: &Rule) -> Option<Response> {
    match &rule.act {
        Act::Text(body) => {
            let mut response = Response::new(Body::from(body.0.clone()));
            dress(rule, &mut response, StatusCode::OK, if body.0.is_empty() { None } else { Some(TEXT) });
            Some(response)
        }
        Act::Redirect(to) => {
            let mut response = Response::new(Body::from(format!("see {to}\n")));
            dress(rule, &mut response, StatusCode::FOUND, Some(TEXT));
            if let Ok(to) = HeaderValue::try_from(to) {
                response.headers_mut().insert(header::LOCATION, to);
            }
            Some(response)
        }
        _ => None,
    }
}

/// The answer of a rule with a file; one that cannot be read is a 404 or a 500 that says so.
pub async fn file(rule: &Rule, path: &str) -> Response {
    let failed = |status, reason: String| text(status, format!("{path}: {reason}\n"));
    let opened = async {
        let file = tokio::fs::File::open(path).await?;
        let meta = file.metadata().await?;
        Ok::<_, std::io::Error>((file, meta))
    };
    match opened.await {
        Ok((_, meta)) if !meta.is_file() => failed(StatusCode::INTERNAL_SERVER_ERROR, "no regular file".into()),
        Ok((_, meta)) if meta.len() > LARGEST => {
            let reason =
                format!("{} are more than the {} answered at most", size::bytes(meta.len()), size::bytes(LARGEST));
            failed(StatusCode::INTERNAL_SERVER_ERROR, reason)
        }
        Ok((file, meta)) => {
            let mut response = Response::new(Body::file(file, meta.len()));
            dress(rule, &mut response, StatusCode::OK, Some(HeaderValue::from_static(media_type(path))));
            response
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            failed(StatusCode::NOT_FOUND, "there is no such file".into())
        }
        Err(error) => failed(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// Puts the rule's status and headers on an answer, and a type where it has none.
fn dress(rule: &Rule, response: &mut Response, usual: StatusCode, media_type: Option<HeaderValue>) {
    *response.status_mut() = rule.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(usual);
    for (name, value) in &rule.headers.0 {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    if let Some(media_type) = media_type {
        response.headers_mut().entry(header::CONTENT_TYPE).or_insert(media_type);
    }
    spelling::keep(response, rule.headers.0.iter().map(|(name, _)| &**name));
}

/// What browsers need to be told, by the file's extension.
fn media_type(path: &str) -> &'static str {
    const TYPES: &[(&str, &str)] = &[
        ("html", "text/html; charset=utf-8"),
        ("htm", "text/html; charset=utf-8"),
        ("css", "text/css; charset=utf-8"),
        ("js", "text/javascript; charset=utf-8"),
        ("mjs", "text/javascript; charset=utf-8"),
        ("json", "application/json"),
        ("map", "application/json"),
        ("txt", "text/plain; charset=utf-8"),
        ("md", "text/markdown; charset=utf-8"),
        ("csv", "text/csv; charset=utf-8"),
        ("xml", "application/xml"),
        ("svg", "image/svg+xml"),
        ("png", "image/png"),
        ("jpg", "image/jpeg"),
        ("jpeg", "image/jpeg"),
        ("gif", "image/gif"),
        ("webp", "image/webp"),
        ("avif", "image/avif"),
        ("ico", "image/x-icon"),
        ("wasm", "application/wasm"),
        ("woff", "font/woff"),
        ("woff2", "font/woff2"),
        ("ttf", "font/ttf"),
        ("pdf", "application/pdf"),
        ("zip", "application/zip"),
        ("gz", "application/gzip"),
        ("mp3", "audio/mpeg"),
        ("ogg", "audio/ogg"),
        ("wav", "audio/wav"),
        ("mp4", "video/mp4"),
        ("webm", "video/webm"),
    ];
    let extension = Path::new(path).extension().and_then(|end| end.to_str()).unwrap_or_default();
    let found = TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(extension));
    found.map_or("application/octet-stream", |(_, media_type)| media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_matches_wins_and_is_counted() {
        let book = Book::default();
        let rules = Rules::parse("GET '/a/*' 200 ; '/a/*' 404 ; '*' 500").unwrap();
        let status = |rules: &Rules, method, path| book.meet(rules, method, path).and_then(|line| line.rule.status);
        assert_eq!(status(&rules, "GET", "/a/b/c"), Some(200));
        assert_eq!(status(&rules, "POST", "/a/"), Some(404));
        assert_eq!(status(&rules, "GET", "/b"), Some(500));
        let counts = |rules: &Rules| book.counts(rules).into_iter().map(|(_, hits)| hits).collect::<Vec<_>>();
        assert_eq!(counts(&rules), [1, 1, 1]);
        // Those that stay keep their counts, wherever they stand now.
        let rules = Rules::parse("'*' 500 ; /new 200 ; GET '/a/*' 200").unwrap();
        assert_eq!(status(&rules, "GET", "/a/b"), Some(500));
        assert_eq!(counts(&rules), [2, 0, 1]);
        assert!(book.meet(&Rules::default(), "GET", "/").is_none());
    }

    #[test]
    fn a_type_goes_by_the_name() {
        assert_eq!(media_type("a/b.HTML"), "text/html; charset=utf-8");
        assert_eq!(media_type("a.b/c"), "application/octet-stream");
    }
}

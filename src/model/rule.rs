//! Rules of an HTTP listener: what it answers to a method and a path, before its `reply`. The first that
//! matches wins. Written as a table each (TOML, JSON), or as words on a line:
//!
//! ```text
//! GET /a/* 404 X-Why:gone text='no such thing' ; POST /up delay=2s 204 ; /old redirect=/new ; /cut drop=fin
//! ```

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::draft::{escape, unescape};
use super::headers::{Headers, is_token};
use super::size;
use super::spec::Escaped;

/// Rules of one listener: each request is held against them one after another.
pub const MOST: usize = 1000;

/// How a connection is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    Fin,
    Rst,
}

/// What is answered.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Act {
    /// What the listener's `reply` says: the rule is for its delay.
    #[default]
    Reply,
    /// 200, if the rule has no other status.
    Text(Escaped),
    /// A file's bytes, with a type by its name.
    File(String),
    /// 302, if the rule has no other status.
    Redirect(String),
    Drop(Cut),
    /// It waits for a person.
    Hold,
}

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rule {
    /// Any, if left out.
    pub method: Option<String>,
    /// `*` stands for any run of characters, `?` for one. Held against the path, without its query.
    pub path: String,
    pub status: Option<u16>,
    pub headers: Headers,
    pub delay: Option<Duration>,
    pub act: Act,
}

/// All rules of a listener, in their order. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rules(pub Arc<[Rule]>);

impl Default for Rules {
    fn default() -> Self {
        Self(Arc::new([]))
    }
}

/// A rule as a table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    method: Option<String>,
    path: String,
    status: Option<u16>,
    #[serde(default)]
    headers: Headers,
    text: Option<Escaped>,
    delay: Option<String>,
    file: Option<String>,
    redirect: Option<String>,
    drop: Option<Dropped>,
    #[serde(default)]
    hold: bool,
}

/// `true` stands for a RST.
#[derive(Deserialize)]
#[serde(untagged)]
enum Dropped {
    Yes(bool),
    How(String),
}

impl TryFrom<Table> for Rule {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        let cut = match table.drop {
            None | Some(Dropped::Yes(false)) => None,
            Some(Dropped::Yes(true)) => Some(Cut::Rst),
            Some(Dropped::How(word)) => Some(cut(&word)?),
        };
        let acts: Vec<Act> = [
            table.text.map(Act::Text),
            table.file.map(Act::File),
            table.redirect.map(Act::Redirect),
            cut.map(Act::Drop),
            table.hold.then_some(Act::Hold),
        ]
        .into_iter()
        .flatten()
        .collect();
        let delay = table.delay.as_deref().map(size::parse_span).transpose()?;
        let rule = Self {
            method: table.method,
            path: table.path,
            status: table.status,
            headers: table.headers,
            delay,
            act: Act::Reply,
        };
        rule.with(acts)
    }
}

fn cut(word: &str) -> Result<Cut, String> {
    match word {
        "rst" => Ok(Cut::Rst),
        "fin" => Ok(Cut::Fin),
        _ => Err(format!("drop = {word:?} is no way to end a connection: write \"rst\" or \"fin\"")),
    }
}

impl Rule {
    /// With the one thing it does; checked.
    fn with(mut self, mut acts: Vec<Act>) -> Result<Self, String> {
        if acts.len() > 1 {
            return Err("a rule does one thing: text, file, redirect, drop or hold".into());
        }
        let named = self.status.is_some() || !self.headers.0.is_empty();
        self.act = acts.pop().unwrap_or_else(|| if named { Act::Text(Escaped::default()) } else { Act::Reply });
        let path = &self.path;
        if !path.starts_with(['/', '*']) || path.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(format!("path = {path:?} matches nothing: begin it with / and use * for any characters"));
        }
        if let Some(method) = &mut self.method {
            if !is_token(method) {
                return Err(format!("method = {method:?} is none: write a word such as GET, or leave it out for any"));
            }
            method.make_ascii_uppercase();
        }
        if let Some(status) = self.status.filter(|status| !(200..=599).contains(status)) {
            return Err(format!("{status} is no status a response can end with: write one from 200 to 599"));
        }
        self.headers.check()?;
        for (name, _) in &self.headers.0 {
            if name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("transfer-encoding") {
                return Err(format!("leave out {name}: the body is counted for you"));
            }
        }
        match &self.act {
            Act::Drop(_) | Act::Hold if named => {
                Err("a rule that drops or holds answers nothing itself: leave out status and headers".into())
            }
            Act::Redirect(to) if to.is_empty() || to.chars().any(|c| c.is_control() || c == ' ') => {
                Err(format!("redirect = {to:?} is no address: write a path such as /new or a whole URL"))
            }
            Act::Redirect(_) if self.status.is_some_and(|status| !(300..=399).contains(&status)) => {
                Err("a redirect has a status from 300 to 399: leave it out for 302".into())
            }
            Act::File(path) if path.is_empty() || path.contains(char::is_control) => {
                Err(format!("file = {path:?} is no file: write its path"))
            }
            Act::Reply if self.delay.is_none() => Err(format!(
                "the rule for {} does nothing: give it status, text, file, redirect, drop, hold or delay",
                self.path
            )),
            _ => Ok(self),
        }
    }

    /// Reads the words of one rule.
    fn read(words: &[String]) -> Result<Self, String> {
        let mut rule = Self::default();
        let mut acts = Vec::new();
        let mut words = words.iter();
        let mut next = words.next();
        if let Some(word) = next.filter(|word| !word.starts_with(['/', '*'])) {
            rule.method = Some(word.clone());
            next = words.next();
        }
        rule.path = next.cloned().ok_or("a rule begins with a method and a path, or a path alone: GET /a/*")?;
        for word in words {
            let status = || word.parse().ok().filter(|_| word.len() == 3);
            match word.split_once('=').filter(|(name, _)| is_token(name)) {
                Some(("text", text)) => {
                    acts.push(Act::Text(Escaped(unescape(text).map_err(|rejection| rejection.0)?.into())));
                }
                Some(("file", path)) => acts.push(Act::File(path.into())),
                Some(("redirect", to)) => acts.push(Act::Redirect(to.into())),
                Some(("drop", how)) => acts.push(Act::Drop(cut(how)?)),
                Some(("delay", span)) => rule.delay = Some(size::parse_span(span)?),
                Some(("status", status)) => {
                    rule.status = Some(status.parse().map_err(|_| format!("\"{status}\" is no status"))?);
                }
                _ if word == "drop" => acts.push(Act::Drop(Cut::Rst)),
                _ if word == "hold" => acts.push(Act::Hold),
                _ if status().is_some() => rule.status = status(),
                _ => match word.split_once(':').filter(|(name, _)| is_token(name)) {
                    Some((name, value)) => {
                        rule.headers.0.push((name.into(), value.trim().into()));
                    }
                    None => {
                        return Err(format!(
                            "\"{word}\" says nothing in a rule: there are a status, Name:value, text=, file=, \
                             redirect=, delay=, drop and hold"
                        ));
                    }
                },
            }
        }
        rule.with(acts)
    }
}

impl fmt::Display for Rule {
    /// As [`Rules::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        words.extend(self.method.clone());
        words.push(self.path.clone());
        words.extend(self.status.map(|status| status.to_string()));
        words.extend(self.headers.0.iter().map(|(name, value)| format!("{name}:{value}")));
        words.extend(self.delay.map(|delay| format!("delay={}", size::write_span(delay))));
        match &self.act {
            Act::Reply => {}
            // A status says it already.
            Act::Text(text)
                if text.0.is_empty() && words.len() > 1 && (self.status.is_some() || !self.headers.0.is_empty()) => {}
            Act::Text(text) => words.push(format!("text={}", escape(&text.0))),
            Act::File(path) => words.push(format!("file={path}")),
            Act::Redirect(to) => words.push(format!("redirect={to}")),
            Act::Drop(Cut::Rst) => words.push("drop".into()),
            Act::Drop(Cut::Fin) => words.push("drop=fin".into()),
            Act::Hold => words.push("hold".into()),
        }
        let quoted = words.iter().map(|word| shlex::try_quote(word).unwrap_or_default());
        for (n, word) in quoted.enumerate() {
            write!(f, "{}{word}", if n > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, rule) in self.0.iter().enumerate() {
            write!(f, "{}{rule}", if n > 0 { " ; " } else { "" })?;
        }
        Ok(())
    }
}

impl Rules {
    /// Reads rules as they are typed: words, quoted as in a shell, and ` ; ` or a line end between rules.
    ///
    /// # Errors
    /// What was wrong, in which rule, and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words = shlex::split(&text.replace('\n', " ; "))
            .ok_or("a quotation mark is missing: quote as in a shell, text='a b'")?;
        let rules: Vec<&[String]> = words.split(|word| word == ";").filter(|words| !words.is_empty()).collect();
        Self::checked(rules.iter().enumerate().map(|(n, words)| {
            Rule::read(words)
                .map_err(|reason| if rules.len() > 1 { format!("rule {}: {reason}", n + 1) } else { reason })
        }))
    }

    fn checked(rules: impl ExactSizeIterator<Item = Result<Rule, String>>) -> Result<Self, String> {
        if rules.len() > MOST {
            return Err(format!("{} rules are more than the {MOST} a listener may have", rules.len()));
        }
        rules.collect::<Result<Vec<_>, _>>().map(|rules| Self(rules.into()))
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Table::deserialize(input)?.try_into().map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Rules;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("rules such as [{ path = \"/a/*\", status = 404 }], or \"/a/* 404\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Rules, E> {
                Rules::parse(text).map_err(E::custom)
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Rules, S::Error> {
                let mut rules = Vec::new();
                while let Some(rule) = list.next_element::<Rule>()? {
                    rules.push(Ok(rule));
                }
                Rules::checked(rules.into_iter()).map_err(de::Error::custom)
            }
        }
        input.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_of_rules_is_read_and_written() {
        let text = "GET '/a/*' 404 X-Why:gone 'text=no such thing' ; POST /up delay=2s 204 ; /old redirect=/new ; /c \
                    drop=fin ; /d drop ; '*' hold ; /s delay=1s ; /f 'file=a b.html'";
        let rules = Rules::parse(text).unwrap();
        assert_eq!(rules.0.len(), 8);
        assert_eq!(Rules::parse(&rules.to_string()).unwrap(), rules, "{rules}");
        let first = &rules.0[0];
        assert_eq!((first.method.as_deref(), &*first.path, first.status), (Some("GET"), "/a/*", Some(404)));
        assert_eq!(first.headers.0, [("X-Why".into(), "gone".into())]);
        assert_eq!(first.act, Act::Text(Escaped("no such thing".into())));
        assert_eq!(rules.0[1].act, Act::Text(Escaped::default()));
        assert_eq!(rules.0[3].act, Act::Drop(Cut::Fin));
        assert_eq!(rules.0[4].act, Act::Drop(Cut::Rst));
        assert_eq!(rules.0[6].act, Act::Reply);
        assert_eq!(Rules::parse("").unwrap(), Rules::default());
        assert_eq!(Rules::parse("\n/a 200\n/b 404\n").unwrap().0.len(), 2);
    }

    #[test]
    fn tables_and_words_are_the_same_rules() {
        let tables = serde_json::json!([
            { "method": "get", "path": "/a/*", "status": 404, "headers": { "X-A": "b" }, "text": "no\\n", "delay": "2s" },
            { "path": "/r", "redirect": "/b" },
            { "path": "/d", "drop": true },
            { "path": "/e", "drop": "fin" },
            { "path": "/h", "hold": true },
        ]);
        let rules: Rules = serde_json::from_value(tables).unwrap();
        let words = "GET '/a/*' 404 X-A:b delay=2s 'text=no\\n' ; /r redirect=/b ; /d drop ; /e drop=fin ; /h hold";
        assert_eq!(rules, Rules::parse(words).unwrap());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, want) in [
            ("GET", "begins with a method and a path"),
            ("GET a", "matches nothing"),
            ("/a", "does nothing"),
            ("/a 99", "says nothing in a rule"),
            ("/a 999", "no status"),
            ("/a hold text=x", "does one thing"),
            ("/a drop 404", "answers nothing itself"),
            ("/a redirect=/b 200", "from 300 to 399"),
            ("/a redirect=", "no address"),
            ("/a drop=half", "\"rst\" or \"fin\""),
            ("/a text='x", "quotation mark"),
            ("/a Content-Length:5", "leave out"),
            ("/a delay=soon", "soon"),
            ("/a 'text=\\q'", "no escape"),
            ("G[T /a 200", "is none"),
            ("*\0* X:a", "matches nothing"),
            ("/a file=a\0b", "no file"),
            ("/a 200 ; /b", "rule 2: the rule for /b does nothing"),
        ] {
            let error = Rules::parse(text).unwrap_err();
            assert!(error.contains(want), "{text}: {error}");
        }
        let error = serde_json::from_str::<Rules>(r#"[{"path":"/a","colour":"red"}]"#).unwrap_err().to_string();
        assert!(error.contains("unknown field `colour`"), "{error}");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_read_is_written(text in "(GET |)/[a-z*?']{0,4}( (200|404|hold|drop|text=.{0,8}|X-A:.{0,5}|delay=2s)){0,3}") {
            if let Ok(rules) = Rules::parse(&text) {
                prop_assert_eq!(Rules::parse(&rules.to_string()).unwrap(), rules);
            }
        }
    }
}

//! Every setting of an endpoint, as one table: the configuration file, JSON lines, the form, the options of
//! a running socket and the details page are all read from it.
//!
//! A setting is a typed field of [`Settings`]; its [`Row`] is how people meet it: as a name and a text.

pub mod common;
pub mod http;
pub mod tcp;
pub mod text;
pub mod tls;
pub mod udp;
pub mod ws;

use super::spec::Settings;
use super::url::{Role, Scheme};

/// From when on a change counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Live {
    /// The endpoint has to start again.
    Restart,
    /// From the next socket on.
    Next,
    /// At once, for the endpoint as a whole: its sockets have none of their own.
    Endpoint,
    /// At once, on open sockets too.
    Now,
}

/// How a form shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// `no`, `yes`.
    Switch,
    Choice(&'static [&'static str]),
    /// A line of text, and what could stand in it.
    Line(&'static str),
}

impl Look {
    /// What there is to choose from.
    pub fn options(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Switch => Some(&["no", "yes"]),
            Self::Choice(options) => Some(options),
            Self::Line(_) => None,
        }
    }
}

/// One setting.
#[derive(Debug)]
pub struct Row {
    /// As it is written everywhere: `keepalive`, `reply.text`.
    pub name: &'static str,
    pub look: Look,
    pub live: Live,
    /// Where it has a meaning.
    pub fits: fn(Role, Scheme) -> bool,
    /// What to say elsewhere, as a sentence that begins with its name.
    pub elsewhere: &'static str,
    /// Whether it matters beside the others; a form leaves it out where it does not.
    pub when: fn(&Settings) -> bool,
    /// A line for the foot of the form.
    pub help: &'static str,
    /// Its value as [`Row::set`] reads it.
    pub get: fn(&Settings) -> String,
    /// # Errors
    /// What was wrong with the text and what would be right; then nothing is changed.
    pub set: fn(&mut Settings, &str) -> Result<(), String>,
}

impl Row {
    /// Whether it leaves the size of a buffer to the kernel: an open socket whose size was set once has no way
    /// back to that (`SO_SNDBUF` and `SO_RCVBUF` in socket(7)).
    pub fn is_for_new_alone(&self, settings: &Settings) -> bool {
        ["send_buffer", "receive_buffer", "receive_queue"].contains(&self.name) && (self.get)(settings) == "default"
    }

    /// Whether each socket has its own, or the endpoint has it for all.
    pub fn is_a_sockets(&self, scheme: Scheme) -> bool {
        self.live == Live::Now && scheme != Scheme::Udp
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Row {}

/// A setting and the text that it is to have.
pub type Change = (&'static Row, String);

/// All of them, in the order they are shown.
pub fn rows() -> impl Iterator<Item = &'static Row> + Clone {
    [common::ROWS, tcp::ROWS, udp::ROWS, http::ROWS, ws::ROWS, tls::ROWS].into_iter().flatten()
}

/// Those that have a meaning for an endpoint.
pub fn fitting(role: Role, scheme: Scheme) -> impl Iterator<Item = &'static Row> + Clone {
    rows().filter(move |row| (row.fits)(role, scheme))
}

pub fn find(name: &str) -> Option<&'static Row> {
    rows().find(|row| row.name == name)
}

/// The setting of a name, where it fits.
///
/// # Errors
/// There is no such setting (then those that fit are named), or it has no meaning here.
pub fn look_up(name: &str, role: Role, scheme: Scheme) -> Result<&'static Row, String> {
    match find(name) {
        Some(row) if (row.fits)(role, scheme) => Ok(row),
        Some(row) => Err(row.elsewhere.into()),
        None => Err(unknown(name, fitting(role, scheme))),
    }
}

/// The sentence for a name that is none.
pub fn unknown(name: &str, rows: impl Iterator<Item = &'static Row>) -> String {
    let names: Vec<_> = rows.map(|row| format!("`{}`", row.name)).collect();
    format!("`{name}` is no setting here: there are {}", names.join(", "))
}

/// Those that matter as it is set: a form leaves out the rest. What is for TLS alone does not matter to a plain
/// endpoint that no lines lead there.
pub fn mattering(role: Role, scheme: Scheme, settings: &Settings) -> impl Iterator<Item = &'static Row> + Clone {
    let secure = scheme.is_secure() || settings.tls.starttls.is_on();
    fitting(role, scheme).filter(move |row| {
        let idle = !secure && row.name != "starttls" && tls::ROWS.contains(row);
        !idle && (row.when)(settings)
    })
}

/// Where a setting always matters.
pub fn always(_: &Settings) -> bool {
    true
}

/// Every scheme whose sockets are TCP connections.
pub fn stream(_: Role, scheme: Scheme) -> bool {
    scheme != Scheme::Udp
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_reads_what_it_writes() {
        for row in rows() {
            let mut settings = Settings::default();
            let text = (row.get)(&settings);
            (row.set)(&mut settings, &text).unwrap_or_else(|error| panic!("{}: {error}", row.name));
            assert_eq!((row.get)(&settings), text, "{}", row.name);
            if let Some(options) = row.look.options() {
                assert!(options.contains(&text.as_str()), "{} is {text}", row.name);
                for option in options {
                    (row.set)(&mut settings, option).unwrap();
                    assert_eq!((row.get)(&settings), *option, "{}", row.name);
                }
            }
        }
    }

    #[test]
    fn names_are_unique_and_sentences_begin_with_them() {
        let mut names: Vec<_> = rows().map(|row| row.name).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before);
        for row in rows() {
            assert!(row.elsewhere.starts_with(row.name), "{}: {}", row.name, row.elsewhere);
            assert!(!row.help.is_empty() && !row.help.ends_with('.'), "{}: {}", row.name, row.help);
        }
    }

    #[test]
    fn a_name_that_is_none_is_told_with_those_that_are() {
        let error = look_up("nope", Role::Connect, Scheme::Tcp).unwrap_err();
        assert!(error.starts_with("`nope` is no setting here: there are `show`"), "{error}");
        let error = look_up("greet", Role::Connect, Scheme::Tcp).unwrap_err();
        assert!(error.starts_with("greet is for"), "{error}");
    }
}

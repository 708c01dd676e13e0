//! STARTTLS: a connection that begins in plain text and goes on over TLS.

use super::setting::text::Text;
use super::url::Role;

/// Whose few lines are said before TLS begins.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Starttls {
    /// Nobody's: TLS begins when a person says so.
    #[default]
    Off,
    /// RFC 3207.
    Smtp,
    /// RFC 9051 section 6.2.1.
    Imap,
    /// RFC 2595 section 4.
    Pop3,
    /// The SSLRequest of PostgreSQL's frontend/backend protocol.
    Postgresql,
}

impl Starttls {
    const ALL: [(Self, &str); 5] = [
        (Self::Off, "off"),
        (Self::Smtp, "smtp"),
        (Self::Imap, "imap"),
        (Self::Pop3, "pop3"),
        (Self::Postgresql, "postgresql"),
    ];
    pub const NAMES: [&str; 5] = {
        let mut names = [""; 5];
        let mut i = 0;
        while i < names.len() {
            names[i] = Self::ALL[i].1;
            i += 1;
        }
        names
    };

    pub fn is_on(self) -> bool {
        self != Self::Off
    }

    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl Text for Starttls {
    fn read(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|row| row.1 == text).map(|row| row.0);
        found.ok_or_else(|| format!("\"{text}\" is no protocol that goes on over TLS here: write {}", list()))
    }

    fn write(&self) -> String {
        self.name().into()
    }
}

fn list() -> String {
    Starttls::NAMES.join(", ")
}

/// Where plain text ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Upgrade {
    /// Whose lines led there; [`Starttls::Off`]: a person's.
    pub by: Starttls,
    /// Listen: we are TLS's server.
    pub role: Role,
    /// Bytes of plain text before it.
    pub received: u64,
    pub sent: u64,
}

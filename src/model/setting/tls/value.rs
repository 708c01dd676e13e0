//! The values of TLS settings: where a certificate is from, what a listener wants of its clients, and the
//! names of what can be negotiated.

use crate::model::setting::text::Text;

/// What is wrong on purpose with a certificate of the gallery.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Flaw {
    Expired,
    Early,
    Name,
    SelfSigned,
    UnknownCa,
    Intermediate,
    Usage,
    Revoked,
}

impl Flaw {
    pub const ALL: [Self; 8] = [
        Self::Expired,
        Self::Early,
        Self::Name,
        Self::SelfSigned,
        Self::UnknownCa,
        Self::Intermediate,
        Self::Usage,
        Self::Revoked,
    ];

    /// As it is written behind `bad:`.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// The value of `certificate`.
    pub fn value(self) -> &'static str {
        self.row().1
    }

    /// What new peers are shown, for the chooser.
    pub fn help(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Expired => ("expired", "bad:expired", "A certificate that ended yesterday."),
            Self::Early => ("not-yet-valid", "bad:not-yet-valid", "One that begins in a week."),
            Self::Name => ("wrong-name", "bad:wrong-name", "One for another host, wrong.test."),
            Self::SelfSigned => ("self-signed", "bad:self-signed", "One that nobody signed but itself."),
            Self::UnknownCa => ("unknown-ca", "bad:unknown-ca", "One by a CA that nobody knows."),
            Self::Intermediate => {
                ("missing-intermediate", "bad:missing-intermediate", "One without the CA between it and its root.")
            }
            Self::Usage => ("key-usage", "bad:key-usage", "One that is for clients only."),
            Self::Revoked => ("revoked", "bad:revoked", "One that its CA has taken back."),
        }
    }
}

/// Where an endpoint's own certificate is from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Source {
    /// A listener: the session CA's. A client: none.
    #[default]
    Own,
    /// A listener: made by the default CA for the name each client asks for.
    Sni,
    /// A listener: one of the gallery.
    Bad(Flaw),
    /// A name of the store, or a PEM file.
    Named(String),
}

impl Source {
    pub fn flaw(&self) -> Option<Flaw> {
        match self {
            Self::Bad(flaw) => Some(*flaw),
            _ => None,
        }
    }
}

impl Text for Source {
    fn read(text: &str) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix("bad:") {
            let flaw = Flaw::ALL.into_iter().find(|flaw| flaw.name() == name).map(Self::Bad);
            return flaw.ok_or_else(|| {
                let names = Flaw::ALL.map(Flaw::name).join(", ");
                format!("\"{name}\" is no bad certificate: there are {names}")
            });
        }
        Ok(match text {
            "" | "session" | "none" | "off" => Self::Own,
            "sni" => Self::Sni,
            name => Self::Named(name.to_owned()),
        })
    }

    fn write(&self) -> String {
        match self {
            Self::Own => String::new(),
            Self::Sni => "sni".into(),
            Self::Bad(flaw) => flaw.value().into(),
            Self::Named(name) => name.clone(),
        }
    }
}

/// Whether a listener wants certificates of its clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ClientAuth {
    #[default]
    Off,
    /// None is fine; one that is shown has to be good.
    Optional,
    Required,
}

impl ClientAuth {
    pub const NAMES: &[&str] = &["off", "optional", "required"];
}

impl Text for ClientAuth {
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "" | "off" | "no" => Ok(Self::Off),
            "optional" => Ok(Self::Optional),
            "required" | "on" | "yes" => Ok(Self::Required),
            _ => Err(format!("\"{text}\" is no client_auth: there are {}", Self::NAMES.join(", "))),
        }
    }

    fn write(&self) -> String {
        Self::NAMES[*self as usize].into()
    }
}

/// Which versions are spoken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Versions {
    #[default]
    Both,
    /// RFC 5246.
    Two,
    /// RFC 8446.
    Three,
}

impl Versions {
    pub const NAMES: &[&str] = &["both", "1.2", "1.3"];

    /// As a hello lists them.
    pub fn list(self) -> &'static [&'static str] {
        match self {
            Self::Both => &["TLS 1.3", "TLS 1.2"],
            Self::Two => &["TLS 1.2"],
            Self::Three => &["TLS 1.3"],
        }
    }
}

impl Text for Versions {
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "" | "both" | "1.2 1.3" | "1.3 1.2" => Ok(Self::Both),
            "1.2" => Ok(Self::Two),
            "1.3" => Ok(Self::Three),
            _ => Err(format!("\"{text}\" is no choice of versions: there are {}", Self::NAMES.join(", "))),
        }
    }

    fn write(&self) -> String {
        Self::NAMES[*self as usize].into()
    }
}

/// What a client asks for as the server's name (RFC 6066 section 3).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Sni {
    /// The name it verifies.
    #[default]
    Verified,
    Off,
    Name(String),
}

impl Text for Sni {
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "" => Ok(Self::Verified),
            "off" | "none" | "no" => Ok(Self::Off),
            name if name.parse::<std::net::IpAddr>().is_ok() => {
                Err(format!("{name} is an address: SNI is a DNS name, or off (RFC 6066 section 3)"))
            }
            name => Ok(Self::Name(name.to_owned())),
        }
    }

    fn write(&self) -> String {
        match self {
            Self::Verified => String::new(),
            Self::Off => "off".into(),
            Self::Name(name) => name.clone(),
        }
    }
}

/// Cipher suites by their names in the IANA registry, in the order they are preferred.
pub const CIPHERS: &[&str] = &[
    "TLS_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

/// Groups by their names in the IANA registry, in the order they are preferred; the last three only when asked for.
pub const GROUPS: &[&str] =
    &["X25519MLKEM768", "X25519", "secp256r1", "secp384r1", "secp256r1MLKEM768", "MLKEM768", "MLKEM1024"];

/// Names of a table, in the order they are wanted; none of them leaves the choice to the library.
///
/// # Errors
/// One of them is not in the table, which is then listed.
pub fn put_names(place: &mut Vec<&'static str>, text: &str, table: &[&'static str], what: &str) -> Result<(), String> {
    let words = text.split([' ', ',', ':']).filter(|word| !word.is_empty());
    *place = words
        .map(|word| {
            let found = table.iter().find(|name| name.eq_ignore_ascii_case(word)).copied();
            found.ok_or_else(|| format!("\"{word}\" is no {what} that is spoken here: there are {}", table.join(", ")))
        })
        .collect::<Result<_, _>>()?;
    Ok(())
}

/// A protocol's name for ALPN has 1 to 255 bytes (RFC 7301 section 3.1).
///
/// # Errors
/// One of them is longer.
pub fn put_alpn(place: &mut Vec<String>, text: &str) -> Result<(), String> {
    let words = Vec::<String>::read(text)?;
    if let Some(long) = words.iter().find(|word| word.len() > 255) {
        return Err(format!("\"{long}\" is too long for ALPN: a name has 255 bytes at the most (RFC 7301)"));
    }
    *place = words;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_words_are_answered_with_those_there_are() {
        assert!(Source::read("bad:old").unwrap_err().contains("there are expired, not-yet-valid, wrong-name"));
        assert!(ClientAuth::read("maybe").unwrap_err().contains("off, optional, required"));
        assert!(Versions::read("1.1").unwrap_err().contains("both, 1.2, 1.3"));
        assert!(Sni::read("127.0.0.1").unwrap_err().contains("SNI is a DNS name"));
        let mut names = vec!["X25519"];
        let said = put_names(&mut names, "x25519 P-999", GROUPS, "group").unwrap_err();
        assert!(said.contains("\"P-999\" is no group") && said.contains("secp256r1"), "{said}");
        assert_eq!(names, ["X25519"], "nothing is changed");
        put_names(&mut names, "SECP384R1, x25519", GROUPS, "group").unwrap();
        assert_eq!(names, ["secp384r1", "X25519"]);
        assert!(put_alpn(&mut Vec::new(), &"x".repeat(256)).unwrap_err().contains("255 bytes"));
    }

    #[test]
    fn every_value_reads_what_it_writes() {
        let sources = Flaw::ALL.map(Source::Bad).into_iter();
        for source in sources.chain([Source::Own, Source::Sni, Source::Named("localhost".into())]) {
            assert_eq!(Source::read(&source.write()), Ok(source));
        }
        for sni in [Sni::Verified, Sni::Off, Sni::Name("a.test".into())] {
            assert_eq!(Sni::read(&sni.write()), Ok(sni));
        }
    }
}

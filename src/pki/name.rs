//! Names as people write them: `CN=a.test, O=Some Org` for subjects; `a.test`, `127.0.0.1`,
//! `https://a.test/x`, `me@a.test` for what a certificate is valid for.

use std::net::IpAddr;

use rcgen::{DistinguishedName, DnType, SanType};
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::prelude::{AttributeTypeAndValue, X509Name};

use super::{Result, error};

/// `DnType` cannot be made in a constant.
type Attribute = fn() -> DnType;

/// The attributes of a subject, and their object identifiers where rcgen has no name for them.
const ATTRIBUTES: &[(&str, Attribute)] = &[
    ("CN", || DnType::CommonName),
    ("O", || DnType::OrganizationName),
    ("OU", || DnType::OrganizationalUnitName),
    ("C", || DnType::CountryName),
    ("ST", || DnType::StateOrProvinceName),
    ("L", || DnType::LocalityName),
    ("emailAddress", || DnType::CustomDnType(vec![1, 2, 840, 113_549, 1, 9, 1])),
];

/// Reads `CN=a.test, O=Org` or openssl's `/CN=a.test/O=Org`; a text without `=` is a common name. A backslash
/// makes a comma part of a value: `O=Acme\, Inc` (RFC 4514 section 2.4).
///
/// # Errors
/// An attribute that is not known, an empty value, a country that has not two letters.
pub fn subject(text: &str) -> Result<DistinguishedName> {
    let mut name = DistinguishedName::new();
    let text = text.trim();
    if !text.contains('=') {
        if text.is_empty() {
            return Err(error("the subject is empty: write a name such as CN=a.test"));
        }
        name.push(DnType::CommonName, text);
        return Ok(name);
    }
    let parts = match text.strip_prefix('/') {
        Some(rest) => split(rest, '/'),
        None => split(text, ','),
    };
    for part in &parts {
        let (key, value) = part
            .split_once('=')
            .map(|(key, value)| (key.trim(), unescaped(value.trim())))
            .ok_or_else(|| error(format!("\"{}\" is no attribute: write NAME=value such as CN=a.test", part.trim())))?;
        let Some((_, kind)) = ATTRIBUTES.iter().find(|row| row.0.eq_ignore_ascii_case(key)) else {
            let known: Vec<_> = ATTRIBUTES.iter().map(|row| row.0).collect();
            return Err(error(format!("\"{key}\" is no attribute of a subject: there are {}", known.join(", "))));
        };
        if value.is_empty() {
            return Err(error(format!("{key} is empty: write {key}=something, or leave it out")));
        }
        let kind = kind();
        if kind == DnType::CountryName {
            let country = rcgen::string::PrintableString::try_from(value.to_ascii_uppercase())
                .ok()
                .filter(|_| value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_alphabetic()))
                .ok_or_else(|| error(format!("C={value} is no country: write two letters such as C=DE (ISO 3166)")))?;
            name.push(kind, rcgen::DnValue::PrintableString(country));
        } else {
            name.push(kind, value);
        }
    }
    Ok(name)
}

/// The parts between separators that no backslash stands before.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut from, mut held) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if held => held = false,
            '\\' => held = true,
            c if c == separator => {
                parts.push(&text[from..at]);
                from = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}

fn unescaped(text: &str) -> String {
    let mut chars = text.chars();
    let mut out = String::new();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    out
}

/// A subject or issuer as one line: `CN=a.test, O=Acme\, Inc` (RFC 4514 section 2.4), in the order it has. It may
/// come from anywhere: nothing in a value looks like another attribute, and nothing in it moves a cursor.
pub fn written(name: &X509Name<'_>) -> String {
    let sets = name.iter_rdn().map(|set| set.iter().map(attribute).collect::<Vec<_>>().join("+"));
    sets.collect::<Vec<_>>().join(", ")
}

fn attribute(one: &AttributeTypeAndValue<'_>) -> String {
    let kind = oid2abbrev(one.attr_type(), oid_registry()).map_or_else(|_| one.attr_type().to_string(), str::to_owned);
    let value = match one.as_str() {
        Ok(text) => escaped(text, ",+\"\\<>;="),
        // Another kind of string, or none: its bytes (RFC 4514 section 2.4).
        Err(_) => one.as_slice().iter().fold("#".to_owned(), |text, byte| format!("{text}{byte:02X}")),
    };
    format!("{kind}={value}")
}

/// With a backslash before each of these, and what is not seen or turns the text around as the hexadecimal of its
/// bytes: `\0A`.
pub fn escaped(text: &str, special: &str) -> String {
    let mut out = String::new();
    for (at, c) in text.char_indices() {
        let edge = c == ' ' && (at == 0 || at + 1 == text.len()) || c == '#' && at == 0;
        if c.is_control() || is_unseen(c) {
            c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| out.push_str(&format!("\\{byte:02X}")));
            continue;
        }
        if edge || special.contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Of no width, or for the direction of writing.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Reads one name a certificate is to be valid for, with or without `DNS:`, `IP:`, `URI:`, `email:`.
///
/// # Errors
/// It is none of these.
pub fn alternative(text: &str) -> Result<SanType> {
    let text = text.trim();
    let (kind, rest) = text.split_once(':').unwrap_or(("", text));
    let named = ["DNS", "IP", "URI", "email"].into_iter().find(|name| name.eq_ignore_ascii_case(kind));
    let rest = if named.is_some() { rest.trim() } else { text };
    let guess = match named {
        Some(name) => name,
        None if rest.parse::<IpAddr>().is_ok() => "IP",
        None if rest.contains("://") => "URI",
        None if rest.contains('@') => "email",
        None => "DNS",
    };
    let ia5 =
        |text: &str| rcgen::string::Ia5String::try_from(text).map_err(|_| error(format!("{text:?} is not ASCII")));
    match guess {
        "IP" => rest
            .parse()
            .map(SanType::IpAddress)
            .map_err(|_| error(format!("\"{rest}\" is no IP address: write one such as 127.0.0.1 or ::1"))),
        "URI" => ia5(rest).map(SanType::URI),
        "email" => ia5(rest).map(SanType::Rfc822Name),
        _ if is_dns(rest) => ia5(rest).map(SanType::DnsName),
        _ => Err(error(format!(
            "\"{rest}\" is no name a certificate can have: write a DNS name such as a.test or *.a.test, an IP address, \
             a URI or an email address (names in other scripts in their xn-- form)"
        ))),
    }
}

/// Labels of letters, digits, `-` and `_` (RFC 1034 section 3.5, and what is in use), the first may be `*`.
fn is_dns(name: &str) -> bool {
    let label = |(n, label): (usize, &str)| {
        (n == 0 && label == "*")
            || (!label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')))
    };
    // What ends in a number is an address, or a mistaken one (RFC 3696 section 2).
    let number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    let named = name.rsplit('.').next().is_some_and(|last| !number(last));
    named && name.len() <= 253 && name != "*" && name.split('.').enumerate().all(label)
}

/// A name as it is written back: `DNS:a.test`, `IP:127.0.0.1`.
pub fn show(name: &SanType) -> String {
    match name {
        SanType::DnsName(name) => format!("DNS:{}", name.as_str()),
        SanType::IpAddress(ip) => format!("IP:{ip}"),
        SanType::URI(uri) => format!("URI:{}", uri.as_str()),
        SanType::Rfc822Name(name) => format!("email:{}", name.as_str()),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_read_as_people_write_them() {
        for (text, want) in [
            ("a.test", "DNS:a.test"),
            ("*.a.test", "DNS:*.a.test"),
            ("DNS:localhost", "DNS:localhost"),
            ("127.0.0.1", "IP:127.0.0.1"),
            ("::1", "IP:::1"),
            ("IP:10.0.0.1", "IP:10.0.0.1"),
            ("https://a.test/x", "URI:https://a.test/x"),
            ("me@a.test", "email:me@a.test"),
        ] {
            assert_eq!(alternative(text).as_ref().map(show), Ok(want.into()), "{text}");
        }
        for bad in ["", "a b", "a..test", "-a.test", "IP:a.test", "*", "ü.test"] {
            assert!(alternative(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn subjects_are_read_in_both_notations() {
        for text in ["CN=a.test, O=Org, C=de", "/CN=a.test/O=Org/C=DE"] {
            let name = subject(text).unwrap();
            assert_eq!(name.iter().count(), 3, "{text}");
            assert!(name.get(&DnType::CountryName).is_some());
        }
        assert!(subject("a.test").unwrap().get(&DnType::CommonName).is_some());
        for (text, want) in
            [("X=1", "there are CN, O"), ("CN=", "CN is empty"), ("C=DEU", "two letters"), ("", "empty")]
        {
            let said = subject(text).unwrap_err().0;
            assert!(said.contains(want), "{text}: {said}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = (subject(&text), alternative(&text));
        }
    }
}

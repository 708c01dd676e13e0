//! Why a message is not HTTP/1.1, as a value: the status a server answers it with, and a sentence.

use std::fmt;
use std::time::Duration;

use crate::model::end::Fault;
use crate::model::size;

/// See the module. The sections are RFC 9112's where no other is named.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reason {
    /// A TLS handshake record where a start line should be (RFC 8446 section 5.1).
    Tls,
    /// The preface of HTTP/2 (RFC 9113 section 3.4): whoever speaks it takes over.
    Preface,
    /// Where nothing but HTTP/2 is spoken, it does not begin with the preface.
    NoPreface,
    /// The preface where HTTP/1 alone is spoken, or what only begins like it.
    Two,
    /// A server's first frame of HTTP/2 (RFC 9113 section 3.4) where a response should be.
    Frame,
    /// Section 3 or 4.
    StartLine,
    /// Section 2.3.
    Version,
    /// Section 3.2.
    Target,
    /// Section 3.1.
    Method,
    /// Section 4; a response's.
    Status,
    /// Section 5; what is wrong with the line.
    Header(&'static str),
    /// Section 3.2: HTTP/1.1 wants exactly one.
    NoHost,
    ManyHosts,
    /// The same: what it says is no host with a port.
    BadHost(Box<str>),
    /// Section 6.3.
    Length,
    /// Digits, and more than anybody can count.
    HugeLength,
    ManyLengths,
    LengthAndCoding,
    /// Section 6.1; the transfer coding.
    Coding(Box<str>),
    CodingIn10,
    /// Section 7.1; what is wrong with the chunk.
    Chunk(&'static str),
    Trailers,
    /// RFC 9110 section 10.1.1; what was expected.
    Expect(Box<str>),
    /// The body is larger than this many bytes.
    TooMuch(u64),
    /// The start line alone is longer than this many bytes.
    TooLong(usize),
    /// The head is longer than this many bytes.
    TooLarge(usize),
    /// More header lines than this.
    TooMany(usize),
    /// The head did not come within this time.
    Slow(Duration),
    /// For so long nothing of the body came.
    Stalled(Duration),
    /// The peer ended within this.
    Cut(&'static str),
    /// What hyper refused although we did not.
    Other(Box<str>),
}

impl Reason {
    /// What a server answers (RFC 9110 section 15.5, RFC 6585 section 5).
    pub fn status(&self) -> u16 {
        match self {
            Self::Slow(_) | Self::Stalled(_) => 408,
            Self::TooMuch(_) => 413,
            Self::TooLong(_) => 414,
            Self::Expect(_) => 417,
            Self::TooLarge(_) | Self::TooMany(_) => 431,
            Self::Coding(_) => 501,
            Self::Version | Self::Two | Self::Preface | Self::NoPreface => 505,
            _ => 400,
        }
    }

    /// The same for a timeline; `answered` says whether the status was sent.
    pub fn fault(&self, answered: bool) -> Fault {
        Fault::Http { status: answered.then(|| self.status()), text: self.to_string().into() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tls => f.write_str("TLS on a plain-text port"),
            Self::Preface => f.write_str("HTTP/2 is not spoken here"),
            Self::Two => f.write_str("this begins like HTTP/2: that is not spoken here, or its preface is broken"),
            Self::NoPreface => f.write_str("only HTTP/2 is spoken here, and this does not begin with its preface"),
            Self::Frame => f.write_str("this is HTTP/2, not HTTP/1: the server begins with a SETTINGS frame"),
            Self::StartLine => f.write_str("the first line is not HTTP"),
            Self::Version => f.write_str("the HTTP version is neither 1.0 nor 1.1"),
            Self::Target => f.write_str("the request's target is no path and no URL"),
            Self::Method => f.write_str("the request's method is no word"),
            Self::Status => f.write_str("the response's status is no number of three digits"),
            Self::Header(what) => write!(f, "a header line is malformed: {what}"),
            Self::NoHost => f.write_str("an HTTP/1.1 request without a Host header"),
            Self::ManyHosts => f.write_str("a request with more than one Host header"),
            Self::BadHost(host) => write!(f, "the Host \"{host}\" is no name or address with a port"),
            Self::HugeLength => f.write_str("Content-Length is too large to count"),
            Self::Length => f.write_str("Content-Length is not a number"),
            Self::ManyLengths => f.write_str("Content-Length is given twice with different values"),
            Self::LengthAndCoding => f.write_str("both Content-Length and Transfer-Encoding (request smuggling?)"),
            Self::Coding(coding) => write!(f, "the transfer coding \"{coding}\" is not known, only chunked is"),
            Self::CodingIn10 => f.write_str("HTTP/1.0 has no Transfer-Encoding"),
            Self::Chunk(what) => write!(f, "the chunked body is malformed: {what}"),
            Self::Trailers => f.write_str("the trailers of the chunked body are malformed"),
            Self::TooLarge(limit) => write!(f, "the head is larger than {}", size::bound(*limit as u64)),
            Self::Expect(what) => write!(f, "nobody can meet \"Expect: {what}\", only 100-continue is known"),
            Self::TooMuch(limit) => write!(f, "the body is larger than {}", size::bound(*limit)),
            Self::TooLong(limit) => {
                write!(f, "the start line alone is longer than {}", size::bound(*limit as u64))
            }
            Self::TooMany(limit) => write!(f, "the head has more than {limit} header lines"),
            Self::Slow(limit) => write!(f, "the head did not come within {}", size::write_span(*limit)),
            Self::Stalled(limit) => write!(f, "nothing more of the body came for {}", size::write_span(*limit)),
            Self::Cut(what) => write!(f, "the peer ended in the middle of {what}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

//! What a timeline says of HTTP exchanges beside their bytes: how a request stands to the one before it,
//! what a piece of a body is of its framing, and why a connection takes no further request.

/// How a request stands to the one before it on its connection (RFC 9112 section 9.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Turn {
    /// The first; or, over HTTP/2, a stream among others.
    #[default]
    First,
    /// On a kept connection, so long after the response before it ended.
    Kept(Gap),
    /// Sent although so many requests before it had no whole response (section 9.3.2).
    Pipelined(u32),
}

/// A time in tens of microseconds, so that it is small: at most twelve hours, longer ones say that.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Gap(u32);

impl Gap {
    pub fn of_nanos(nanos: u64) -> Self {
        Self(u32::try_from(nanos / 10_000).unwrap_or(u32::MAX))
    }

    pub fn nanos(self) -> u64 {
        u64::from(self.0) * 10_000
    }
}

/// What a piece of a body is of its framing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Part {
    /// Of a body that is not chunked.
    #[default]
    Plain,
    /// The beginning of a chunk of so many bytes (section 7.1).
    Chunk(u64),
    /// More of the chunk that has begun.
    More,
}

/// Why no request follows on a connection (section 9.6).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Why {
    /// `Connection: close`.
    Close,
    /// HTTP/1.0 without `keep-alive`.
    Old,
    /// A body whose end is the connection's.
    UntilEnd,
    /// A body was refused before it was sent: what followed would be taken for it.
    Unsent,
    /// Nothing was asked for as long as the listener keeps a connection.
    Idle,
    /// A rule drops the connection.
    Rule,
}

impl Why {
    /// One word for JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Old => "http/1.0",
            Self::UntilEnd => "unframed",
            Self::Unsent => "unsent",
            Self::Idle => "idle",
            Self::Rule => "rule",
        }
    }

    /// Fits behind "no request follows:".
    pub fn text(self) -> &'static str {
        match self {
            Self::Close => "Connection: close",
            Self::Old => "HTTP/1.0 without keep-alive",
            Self::UntilEnd => "the body ends with the connection",
            Self::Unsent => "the body was refused before it was sent",
            Self::Idle => "idle for as long as it is kept",
            Self::Rule => "a rule drops the connection",
        }
    }
}

//! The parameters of permessage-deflate (RFC 7692 section 7.1): what a client offers, what a server takes of
//! it, and what both then hold to. Pure functions of the `Sec-WebSocket-Extensions` lines.

use std::fmt;

use crate::model::url::Role;

pub const NAME: &str = "permessage-deflate";

/// A window of 32 KiB, the largest there is and the one meant where nothing is said.
const WIDEST: u8 = 15;

/// How one side compresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Half {
    /// The window lives on from message to message.
    pub takeover: bool,
    /// The window has 2^bits bytes: 8 to 15.
    pub bits: u8,
}

impl Default for Half {
    fn default() -> Self {
        Self { takeover: true, bits: WIDEST }
    }
}

/// What is wanted of both sides, or what they agreed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Terms {
    pub server: Half,
    pub client: Half,
}

impl Terms {
    /// How we compress, and how the peer does.
    pub fn sides(&self, role: Role) -> (Half, Half) {
        match role {
            Role::Listen => (self.server, self.client),
            Role::Connect => (self.client, self.server),
        }
    }
}

/// All of it, in words: nothing is left to a default.
impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let context = |half: &Half| if half.takeover { "context kept" } else { "no context takeover" };
        let (server, client) = (&self.server, &self.client);
        write!(f, "server: window 2^{}, {}; ", server.bits, context(server))?;
        write!(f, "client: window 2^{}, {}", client.bits, context(client))
    }
}

/// One side's parameters as they are written.
#[derive(Default)]
struct Written {
    server_no_takeover: bool,
    client_no_takeover: bool,
    server_bits: Option<u8>,
    /// Given, and with which value: an offer may name it without one.
    client_bits: Option<Option<u8>>,
}

/// What a client offers.
pub fn offer(wish: &Terms) -> String {
    let mut line = written(wish);
    if wish.server.bits < WIDEST {
        line += &format!("; server_max_window_bits={}", wish.server.bits);
    }
    line += "; client_max_window_bits";
    if wish.client.bits < WIDEST {
        line += &format!("={}", wish.client.bits);
    }
    line
}

fn written(terms: &Terms) -> String {
    let mut line = NAME.to_owned();
    if !terms.server.takeover {
        line += "; server_no_context_takeover";
    }
    if !terms.client.takeover {
        line += "; client_no_context_takeover";
    }
    line
}

/// The first offer that a server can take (section 5.1), and its answer. An offer with a parameter that is
/// unknown or wrong is passed over.
pub fn take(offers: &str, wish: &Terms) -> Option<(Terms, String)> {
    let mut offers = extensions(offers).into_iter().filter(|(name, _)| name == NAME);
    let asked = offers.find_map(|(_, parameters)| read(&parameters, true).ok())?;
    let server = Half {
        takeover: wish.server.takeover && !asked.server_no_takeover,
        bits: wish.server.bits.min(asked.server_bits.unwrap_or(WIDEST)),
    };
    let client = Half {
        takeover: wish.client.takeover && !asked.client_no_takeover,
        // A client that does not offer it cannot be asked for a smaller window.
        bits: asked.client_bits.map_or(WIDEST, |bits| wish.client.bits.min(bits.unwrap_or(WIDEST))),
    };
    let terms = Terms { server, client };
    let mut line = written(&terms);
    if asked.server_bits.is_some() || server.bits < WIDEST {
        line += &format!("; server_max_window_bits={}", server.bits);
    }
    if client.bits < WIDEST {
        line += &format!("; client_max_window_bits={}", client.bits);
    }
    Some((terms, line))
}

/// What a server's answer to our offer means; `None` where it takes nothing.
///
/// # Errors
/// Why the answer is none to what was offered (sections 5.1 and 7.1): the connection fails.
pub fn taken(answer: &str, offered: Option<&Terms>) -> Result<Option<Terms>, String> {
    let answered = extensions(answer);
    let (Some((name, parameters)), Some(wish)) = (answered.first(), offered) else {
        return match answered.first() {
            None => Ok(None),
            Some((name, _)) => Err(foreign(name)),
        };
    };
    if name != NAME {
        return Err(foreign(name));
    }
    if answered.len() > 1 {
        return Err("the server takes more than one extension, and one was offered (RFC 6455 section 9.1)".into());
    }
    let wrong = |what: String| format!("the server's permessage-deflate {what}");
    let said = read(parameters, false).map_err(|what| wrong(format!("{what} (RFC 7692 section 7.1)")))?;
    if !wish.server.takeover && !said.server_no_takeover {
        return Err(wrong("lacks the server_no_context_takeover we asked for (RFC 7692 section 7.1.1.1)".into()));
    }
    let bits = said.server_bits.unwrap_or(WIDEST);
    if bits > wish.server.bits {
        let most = wish.server.bits;
        return Err(wrong(format!(
            "has a window of {bits} bits where {most} were asked for (RFC 7692 section 7.1.2.1)"
        )));
    }
    let ours = said.client_bits.flatten().unwrap_or(wish.client.bits);
    if ours > wish.client.bits {
        let most = wish.client.bits;
        return Err(wrong(format!(
            "gives us a window of {ours} bits, and {most} were offered (RFC 7692 section 7.1.2.2)"
        )));
    }
    Ok(Some(Terms {
        server: Half { takeover: !said.server_no_takeover, bits },
        client: Half { takeover: wish.client.takeover && !said.client_no_takeover, bits: ours },
    }))
}

fn foreign(name: &str) -> String {
    format!("the server uses the extension \"{name}\", which was not offered (RFC 6455 section 4.1)")
}

type Parameters = Vec<(String, Option<String>)>;

/// Reads parameters; what is wrong, as words behind a subject.
fn read(parameters: &Parameters, offered: bool) -> Result<Written, String> {
    let mut written = Written::default();
    for (at, (name, value)) in parameters.iter().enumerate() {
        if parameters[..at].iter().any(|(before, _)| before == name) {
            return Err(format!("has {name} twice"));
        }
        let bits = |value: &str| {
            let good = value.parse().ok().filter(|bits| (8..=WIDEST).contains(bits) && !value.starts_with(['0', '+']));
            good.ok_or_else(|| format!("has {name}={value}, and that is 8 to 15"))
        };
        match (&**name, value) {
            ("server_no_context_takeover", None) => written.server_no_takeover = true,
            ("client_no_context_takeover", None) => written.client_no_takeover = true,
            ("server_max_window_bits", Some(value)) => written.server_bits = Some(bits(value)?),
            ("client_max_window_bits", Some(value)) => written.client_bits = Some(Some(bits(value)?)),
            ("client_max_window_bits", None) if offered => written.client_bits = Some(None),
            (_, Some(value)) => return Err(format!("has {name}={value}, which it cannot")),
            (_, None) => return Err(format!("has {name}, which it cannot")),
        }
    }
    Ok(written)
}

/// The extensions of a header's value with their parameters (RFC 6455 section 9.1), names in lower case.
fn extensions(line: &str) -> Vec<(String, Parameters)> {
    let pair = |text: &str| match text.split_once('=') {
        Some((name, value)) => (name.trim().to_ascii_lowercase(), Some(value.trim().trim_matches('"').to_owned())),
        None => (text.to_ascii_lowercase(), None),
    };
    let each = split(line, ',').into_iter().filter(|part| !part.is_empty());
    each.map(|part| {
        let mut pieces = split(part, ';').into_iter();
        let name = pieces.next().unwrap_or_default().to_ascii_lowercase();
        (name, pieces.map(pair).collect())
    })
    .collect()
}

/// Parts between marks that stand outside of quotes, trimmed.
pub fn split(text: &str, mark: char) -> Vec<&str> {
    let mut quoted = false;
    let parts = text.split(move |c| {
        quoted ^= c == '"';
        c == mark && !quoted
    });
    parts.map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn half(takeover: bool, bits: u8) -> Half {
        Half { takeover, bits }
    }

    fn accepted(offers: &str, wish: &Terms) -> Option<(String, String)> {
        take(offers, wish).map(|(terms, line)| (terms.to_string(), line))
    }

    #[test]
    fn an_offer_without_parameters_is_taken_as_it_is() {
        let (terms, line) = take("permessage-deflate", &Terms::default()).unwrap();
        assert_eq!((terms, &*line), (Terms::default(), "permessage-deflate"));
        assert_eq!(take("permessage-bzip2, x-webkit-deflate-frame", &Terms::default()), None);
        assert_eq!(take("", &Terms::default()), None);
    }

    #[test]
    fn the_first_good_offer_is_taken() {
        let offers = "permessage-deflate; server_max_window_bits=7, permessage-deflate; fast, foo; a=\"x, \
                      permessage-deflate\", Permessage-Deflate; client_max_window_bits; server_max_window_bits=\"10\"";
        let (terms, line) = take(offers, &Terms::default()).unwrap();
        assert_eq!(terms, Terms { server: half(true, 10), client: half(true, 15) });
        assert_eq!(line, "permessage-deflate; server_max_window_bits=10");
        for bad in ["server_no_context_takeover=1", "server_max_window_bits", "client_max_window_bits=16"] {
            assert_eq!(take(&format!("permessage-deflate; {bad}"), &Terms::default()), None, "{bad}");
        }
        let twice = "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9";
        assert_eq!(take(twice, &Terms::default()), None);
    }

    #[test]
    fn a_server_has_wishes_too() {
        let wish = Terms { server: half(false, 12), client: half(false, 9) };
        let (words, line) = accepted("permessage-deflate; client_max_window_bits", &wish).unwrap();
        let both = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        assert_eq!(line, format!("{both}; server_max_window_bits=12; client_max_window_bits=9"));
        let wanted = "server: window 2^12, no context takeover; client: window 2^9, no context takeover";
        assert_eq!(words, wanted);
        // A client that does not know the parameter cannot be given one.
        let (terms, line) = take("permessage-deflate", &wish).unwrap();
        assert_eq!((terms.client.bits, line), (15, format!("{both}; server_max_window_bits=12")));
    }

    #[test]
    fn what_is_offered_is_what_is_wished() {
        assert_eq!(offer(&Terms::default()), "permessage-deflate; client_max_window_bits");
        let wish = Terms { server: half(false, 9), client: half(false, 10) };
        let line = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                    server_max_window_bits=9; client_max_window_bits=10";
        assert_eq!(offer(&wish), line);
        assert_eq!(take(&offer(&wish), &Terms::default()).unwrap().0, wish);
    }

    #[test]
    fn an_answer_that_is_none_fails() {
        let wish = Terms { server: half(false, 10), client: half(true, 12) };
        for (answer, says) in [
            ("permessage-deflate", "server_no_context_takeover"),
            ("permessage-deflate; server_no_context_takeover", "15 bits where 10"),
            ("permessage-deflate; server_no_context_takeover; server_max_window_bits=11", "11 bits where 10"),
            (
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits",
                "client_max_window_bits, which",
            ),
            (
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits=13",
                "13 bits, and 12",
            ),
            ("permessage-deflate; server_no_context_takeover; mode=fast", "mode=fast"),
            ("permessage-deflate, permessage-deflate", "more than one"),
            ("x-other", "\"x-other\", which was not offered"),
        ] {
            assert!(taken(answer, Some(&wish)).unwrap_err().contains(says), "{answer}");
        }
        assert!(taken(NAME, None).unwrap_err().contains("not offered"));
        assert_eq!(taken("", None), Ok(None));
        assert_eq!(taken("", Some(&wish)), Ok(None));
        let good =
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; client_no_context_takeover";
        let terms = Terms { server: half(false, 9), client: half(false, 12) };
        assert_eq!(taken(good, Some(&wish)), Ok(Some(terms)));
    }
}

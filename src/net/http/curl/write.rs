//! A request as the curl command that sends the same.

use crate::model::draft::Rejection;

/// `scheme` and `authority` are where it went. The command is one for a POSIX shell, without a
/// control character: it is pasted into a terminal, and what it says may be a stranger's.
///
/// # Errors
/// What of it curl, or a command line, cannot carry.
pub fn write(scheme: &str, authority: &str, head: &[u8], body: &[u8]) -> Result<String, Rejection> {
    let no = |why: &str| Rejection(format!("no curl command says this: {why}"));
    let head = std::str::from_utf8(head).map_err(|_| no("its head is not UTF-8"))?;
    // HTTP/2 says in pseudo-header fields what HTTP/1.1 says in its first line (RFC 9113 section 8.3.1).
    let second = head.starts_with(':');
    let pseudo = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map_or("", str::trim);
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    let (method, target) = match second {
        true => (pseudo(":method:"), pseudo(":path:")),
        false => (words.next().unwrap_or_default(), words.next().unwrap_or_default()),
    };
    let headers: Vec<(&str, &str)> = head
        .lines()
        .skip(usize::from(!second))
        .filter(|line| !line.is_empty() && !line.starts_with(':'))
        .map(|line| line.split_once(':').map(|(name, value)| (name, value.trim())))
        .collect::<Option<_>>()
        .ok_or_else(|| no("it has a line that is no header"))?;
    let words = head.lines().next().unwrap_or_default().split(' ').count();
    if !second && words != 3 {
        return Err(no("it is no request of HTTP"));
    }
    if method.is_empty() || method == "CONNECT" {
        return Err(no("curl makes tunnels by itself (-p -x)"));
    }
    let host = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host")).map(|(_, host)| *host);
    let named = if second { Some(pseudo(":authority:")) } else { host }.filter(|host| !host.is_empty());
    // Whatever the request says of its host, it went to this one.
    let other = named.filter(|host| whole(scheme, host) != whole(scheme, authority));
    let origin = format!("{scheme}://{}", if other.is_some() { authority } else { named.unwrap_or(authority) });
    let path = target;
    let mut line = String::from("curl");
    let mut add = |word: &str| -> Result<(), Rejection> {
        line.push(' ');
        line.push_str(&quoted(word).ok_or_else(|| no("it has control characters"))?);
        Ok(())
    };
    if second {
        add(if scheme == "https" { "--http2" } else { "--http2-prior-knowledge" })?;
    }
    match (method, body.is_empty()) {
        ("GET", true) | ("POST", false) => {}
        ("HEAD", true) => add("-I")?,
        _ => {
            add("-X")?;
            add(method)?;
        }
    }
    // curl takes `..` out of a path, braces and brackets for lists, and a lone * for a file.
    if path.contains("/.") {
        add("--path-as-is")?;
    }
    if path.contains(['{', '}', '[', ']']) {
        add("-g")?;
    }
    if path.starts_with('/') || path.is_empty() {
        add(&format!("{origin}{path}"))?;
    } else {
        add("--request-target")?;
        add(path)?;
        add(&format!("{origin}/"))?;
    }
    if let Some(host) = other {
        add("-H")?;
        add(&format!("Host: {host}"))?;
    }
    for (name, value) in &headers {
        let counted = name.eq_ignore_ascii_case("content-length");
        if !counted && !name.eq_ignore_ascii_case("host") {
            add("-H")?;
            // A header without a value is a semicolon to curl: a colon takes it away.
            add(&if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") })?;
        }
    }
    let has = |wanted: &str| headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
    // What curl would put in by itself.
    for (name, always) in [("Accept", true), ("User-Agent", true), ("Content-Type", !body.is_empty())] {
        if always && !has(name) {
            add("-H")?;
            add(&format!("{name}:"))?;
        }
    }
    if body.is_empty() {
        return Ok(line);
    }
    match std::str::from_utf8(body).ok().and_then(quoted) {
        Some(text) => Ok(format!("{line} --data-raw {text}")),
        None => Ok(format!("printf %b '{}' | {line} --data-binary @-", octal(body))),
    }
}

/// A host with its port.
fn whole(scheme: &str, authority: &str) -> String {
    let port = authority.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let usual = if scheme == "https" { 443 } else { 80 };
    if port { authority.to_ascii_lowercase() } else { format!("{}:{usual}", authority.to_ascii_lowercase()) }
}

/// A word as a shell reads it; `None` if it has what a terminal would act on.
fn quoted(word: &str) -> Option<String> {
    let bad = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if word.chars().any(bad) {
        return None;
    }
    shlex::try_quote(word).ok().map(|word| word.into_owned())
}

/// As `printf %b` reads it, in any shell.
fn octal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\0{byte:03o}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(head: &str, body: &[u8]) -> Result<String, String> {
        write("http", "x:1", head.as_bytes(), body).map_err(|rejection| rejection.0)
    }

    #[test]
    fn a_request_becomes_a_command() {
        let cases = [
            (
                "GET /a?b=c HTTP/1.1\r\nHost: X:1\r\nUser-Agent: me\r\nAccept: */*\r\n\r\n",
                "",
                "curl 'http://X:1/a?b=c' -H 'User-Agent: me' -H 'Accept: */*'",
            ),
            ("HEAD / HTTP/1.0\r\n\r\n", "", "curl -I http://x:1/ -H Accept: -H User-Agent:"),
            (
                "POST / HTTP/1.1\r\nHost: else.where\r\nUser-Agent: a\r\nAccept: b\r\nContent-Type: c\r\nContent-Length: 4\r\n\r\n",
                "it's",
                "curl http://x:1/ -H 'Host: else.where' -H 'User-Agent: a' -H 'Accept: b' -H 'Content-Type: c' --data-raw \"it's\"",
            ),
            (
                "OPTIONS * HTTP/1.1\r\nHost: x:1\r\nUser-Agent: a\r\nAccept: b\r\nX-E:\r\n\r\n",
                "",
                "curl -X OPTIONS --request-target '*' http://x:1/ -H 'User-Agent: a' -H 'Accept: b' -H 'X-E;'",
            ),
            (
                ":method: POST\r\n:path: /h2\r\n:scheme: http\r\n:authority: x:1\r\naccept: b\r\nuser-agent: a\r\ncontent-type: c\r\n",
                "hi",
                "curl --http2-prior-knowledge http://x:1/h2 -H 'accept: b' -H 'user-agent: a' -H 'content-type: c' --data-raw hi",
            ),
        ];
        for (head, body, want) in cases {
            assert_eq!(line(head, body.as_bytes()).as_deref(), Ok(want));
        }
    }

    #[test]
    fn what_a_terminal_would_act_on_is_printed_by_the_shell() {
        let head = "POST / HTTP/1.1\r\nHost: x:1\r\nUser-Agent: a\r\nAccept: b\r\nContent-Type: c\r\n\r\n";
        let line = line(head, b"\x1b]52\xff").unwrap();
        assert!(line.starts_with("printf %b '\\0033\\0135\\0065\\0062\\0377' | curl http://x:1/"), "{line}");
        assert!(line.ends_with("--data-binary @-"), "{line}");
    }

    #[test]
    fn what_curl_cannot_say_is_refused() {
        assert!(line("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", b"").unwrap_err().contains("tunnels"));
        assert!(line("GET  / HTTP/9\r\n\r\n", b"").unwrap_err().contains("no request"));
        assert!(line("GET /\u{9b}x HTTP/1.1\r\n\r\n", b"").unwrap_err().contains("control"));
    }
}

//! Requests as curl's command lines, and back: the way people hand them to each other.

mod read;
mod write;

pub use self::read::{Curl, is_curl};
pub use self::write::write;

#[cfg(test)]
mod tests {
    use super::super::Request;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// A request that is copied and pasted is the same request.
        #[test]
        fn what_is_written_is_read_back(
            method in prop::sample::select(&["GET", "HEAD", "POST", "PUT", "DELETE", "X-odd"][..]),
            path in "/[a-z0-9/_~%20'?&=;$!*()-]{0,20}",
            headers in prop::collection::vec(("x-[a-z]{1,8}", "[ -~]{0,16}"), 0..4),
            body in prop_oneof![Just(Vec::new()), "[ -~\né@]{1,30}".prop_map(String::into_bytes)],
        ) {
            let body: Vec<u8> = if method == "HEAD" { Vec::new() } else { body };
            let path = path.replace('%', "%25").replace("/.", "/");
            let headers: Vec<(String, String)> =
                headers.into_iter().map(|(name, value)| (name, value.trim().to_owned())).collect();
            let mut head = format!("{method} {path} HTTP/1.1\r\nHost: a.test:81\r\n");
            headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
            head.push_str("User-Agent: me\r\nAccept: */*\r\n");
            if !body.is_empty() {
                head.push_str(&format!("Content-Type: text/plain\r\nContent-Length: {}\r\n", body.len()));
            }
            head.push_str("\r\n");
            let line = write("http", "other", head.as_bytes(), &body).unwrap();
            prop_assert!(is_curl(&line));
            let curl = Curl::read(&line).unwrap();
            prop_assert!(curl.files().next().is_none());
            let Request { method: read, target, headers: got, body: sent, .. } = curl.request(&[]);
            prop_assert_eq!((&*read, &*target, &sent[..]), (method, &*path, &body[..]), "{}", line);
            prop_assert_eq!(&got[0], &("Host".to_owned(), "a.test:81".to_owned()));
            prop_assert_eq!(&got[1..=headers.len()], &headers[..], "{}", line);
        }

        #[test]
        fn no_text_panics(text in "curl( -[A-Za-z]{1,3}| --[a-z-]{1,12}| [a-z:/@'\"]{0,10}){0,6}") {
            if let Ok(curl) = Curl::read(&text) {
                curl.request(&[]);
            }
        }

        #[test]
        fn no_head_panics(head in prop::collection::vec(any::<u8>(), 0..80), body in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(line) = write("http", "a", &head, &body) {
                prop_assert!(!line.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')), "{:?}", line);
            }
        }
    }
}

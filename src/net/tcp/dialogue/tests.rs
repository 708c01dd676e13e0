//! Both sides of each conversation against each other, however it is cut, and what is not agreement.

use bytes::BytesMut;
use proptest::prelude::*;

use super::{Dialogue, Heard, LINE, SSL_REQUEST};
use crate::model::starttls::Starttls;
use crate::model::url::Role;

const ALL: [Starttls; 4] = [Starttls::Smtp, Starttls::Imap, Starttls::Pop3, Starttls::Postgresql];

fn begin(speaks: Starttls, role: Role) -> (Dialogue, String) {
    let mut say = BytesMut::new();
    let dialogue = Dialogue::begin(speaks, role, &mut say).unwrap();
    (dialogue, String::from_utf8_lossy(&say).into_owned())
}

/// What one side answers to text, and where it stands then.
fn hear(dialogue: &mut Dialogue, text: &str) -> (String, Heard) {
    let mut say = BytesMut::new();
    let heard = dialogue.hear(text.as_bytes(), &mut say);
    (String::from_utf8_lossy(&say).into_owned(), heard)
}

fn server(speaks: Starttls, text: &str) -> (String, Heard) {
    hear(&mut begin(speaks, Role::Listen).0, text)
}

fn client(speaks: Starttls, text: &str) -> (String, Heard) {
    hear(&mut begin(speaks, Role::Connect).0, text)
}

const AGREED: Heard = Heard::Agreed { behind: 0 };

#[test]
fn nobodys_lines_are_no_conversation() {
    assert!(Dialogue::begin(Starttls::Off, Role::Listen, &mut BytesMut::new()).is_none());
}

#[test]
fn a_client_says_what_each_server_waits_for() {
    for speaks in ALL {
        for piece in [1, 7, 4096] {
            let (mut server, mut to_client) = begin_bytes(speaks, Role::Listen);
            let (mut client, mut to_server) = begin_bytes(speaks, Role::Connect);
            let mut agreed = (false, false);
            for _ in 0..20 {
                let mut say = BytesMut::new();
                for part in std::mem::take(&mut to_client).chunks(piece) {
                    agreed.0 |= client.hear(part, &mut say) == AGREED;
                }
                to_server.extend_from_slice(&say);
                let mut say = BytesMut::new();
                for part in std::mem::take(&mut to_server).chunks(piece) {
                    agreed.1 |= server.hear(part, &mut say) == AGREED;
                }
                to_client = say;
            }
            assert_eq!(agreed, (true, true), "{speaks:?} in pieces of {piece}");
        }
    }
}

fn begin_bytes(speaks: Starttls, role: Role) -> (Dialogue, BytesMut) {
    let mut say = BytesMut::new();
    (Dialogue::begin(speaks, role, &mut say).unwrap(), say)
}

#[test]
fn what_comes_behind_the_last_plain_line_is_counted() {
    for (speaks, line) in [
        (Starttls::Smtp, "EHLO a\r\nstarttls\r\nRSET\r\n"),
        (Starttls::Imap, "a CAPABILITY\r\nb STARTTLS\r\nRSET\r\n"),
        (Starttls::Pop3, "CAPA\r\nSTLS\r\nRSET\r\n"),
    ] {
        assert_eq!(server(speaks, line).1, Heard::Agreed { behind: 6 }, "{speaks:?}");
    }
    let (mut pg, _) = begin(Starttls::Postgresql, Role::Listen);
    let mut say = BytesMut::new();
    assert_eq!(pg.hear(&[&SSL_REQUEST[..], b"abc"].concat(), &mut say), Heard::Agreed { behind: 3 });
    assert_eq!(say, "S");
    assert_eq!(client(Starttls::Postgresql, "Sabc").1, Heard::Agreed { behind: 3 });
    let greeting = "220 a\r\n250-a\r\n250 STARTTLS\r\n220 go\r\n250 x\r\n";
    assert_eq!(client(Starttls::Smtp, greeting).1, Heard::Agreed { behind: 7 });
}

#[test]
fn a_server_gives_nothing_before_tls() {
    for (speaks, line, answer) in [
        (Starttls::Smtp, "MAIL FROM:<a@b>\r\n", "530 5.7.0 say STARTTLS first\r\n"),
        (Starttls::Smtp, "STARTTLS now\r\n", "501 5.5.4 STARTTLS takes no parameter\r\n"),
        (Starttls::Smtp, "NOOP\n", "250 2.0.0 OK\r\n"),
        (Starttls::Smtp, "\r\n", "500 5.5.2 no command\r\n"),
        (Starttls::Imap, "a LOGIN x y\r\n", "a NO [PRIVACYREQUIRED] say STARTTLS first\r\n"),
        (Starttls::Imap, "STARTTLS\r\n", "* BAD a tag and a command\r\n"),
        (Starttls::Imap, "* STARTTLS\r\n", "* BAD no tag\r\n"),
        (Starttls::Pop3, "USER x\r\n", "-ERR say STLS first\r\n"),
    ] {
        assert_eq!(server(speaks, line), (answer.into(), Heard::More), "{line}");
    }
    for (speaks, line) in [(Starttls::Smtp, "QUIT\r\n"), (Starttls::Imap, "a LOGOUT\r\n"), (Starttls::Pop3, "quit\r\n")]
    {
        assert_eq!(server(speaks, line).1, Heard::Bye, "{line}");
    }
    // A startup message, version 3.0.
    let (answer, heard) = server(Starttls::Postgresql, "\0\0\0\x10\0\x03\0\0user\0x\0\0");
    assert!(answer.starts_with('E') && answer.contains("28000"), "{answer}");
    assert!(matches!(heard, Heard::Refused(text) if text.contains("did not ask for SSL")));
}

#[test]
fn libpq_may_ask_for_gssapi_first() {
    let (mut pg, _) = begin_bytes(Starttls::Postgresql, Role::Listen);
    let mut say = BytesMut::new();
    assert_eq!(pg.hear(&super::GSS_REQUEST, &mut say), Heard::More);
    assert_eq!(pg.hear(&SSL_REQUEST, &mut say), AGREED);
    assert_eq!(say, "NS");
}

#[test]
fn a_client_says_what_the_server_said_instead() {
    for (speaks, text, want) in [
        (Starttls::Smtp, "554 no\r\n", "it said \"554 no\""),
        (Starttls::Smtp, "220 a\r\n250-a\r\n250 SIZE\r\n", "does not offer STARTTLS"),
        (Starttls::Smtp, "220 a\r\n250 STARTTLS\r\n454 not now\r\n", "it said \"454 not now\""),
        (Starttls::Smtp, "220 a\r\n502 what\r\n", "it said \"502 what\""),
        (Starttls::Imap, "* PREAUTH hello\r\n", "it said \"* PREAUTH hello\""),
        (Starttls::Imap, "* OK\r\n* CAPABILITY IMAP4rev1\r\na1 OK\r\n", "does not offer STARTTLS"),
        (Starttls::Imap, "* OK\r\n* CAPABILITY STARTTLS\r\na1 OK\r\na2 BAD no\r\n", "it said \"a2 BAD no\""),
        (Starttls::Pop3, "-ERR full\r\n", "it said \"-ERR full\""),
        (Starttls::Pop3, "+OK\r\n+OK\r\nUSER\r\n.\r\n", "does not offer STLS"),
        (Starttls::Postgresql, "N", "it said \"N\""),
        (Starttls::Postgresql, "EFATAL", "it said \"EFATAL\""),
        (Starttls::Smtp, "HTTP/1.1 400 Bad Request\r\n", "it said \"HTTP/1.1 400 Bad Request\""),
    ] {
        let heard = client(speaks, text).1;
        assert!(matches!(&heard, Heard::Refused(said) if said.contains(want)), "{text:?}: {heard:?}");
    }
    let (said, heard) = client(Starttls::Pop3, "+OK\r\n-ERR no CAPA\r\n+OK go\r\n");
    assert_eq!((said.as_str(), heard), ("CAPA\r\nSTLS\r\n", AGREED), "a server without CAPA is asked all the same");
    assert!(matches!(client(Starttls::Imap, &"* OK more\r\n".repeat(2000)).1, Heard::Refused(_)));
    let long = "x".repeat(LINE + 1);
    assert!(matches!(server(Starttls::Smtp, &long).1, Heard::Refused(_)));
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_come_to_the_same(
        which in 0..4_usize,
        listens: bool,
        bytes in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'S'), any::<u8>()], 0..200),
        at in 0..200_usize,
    ) {
        let role = if listens { Role::Listen } else { Role::Connect };
        let (mut whole, _) = begin_bytes(ALL[which], role);
        let (mut split, _) = begin_bytes(ALL[which], role);
        let (mut one, mut two) = (BytesMut::new(), BytesMut::new());
        let heard = whole.hear(&bytes, &mut one);
        let (first, second) = bytes.split_at(at.min(bytes.len()));
        // Whoever has come to an end is not asked again.
        let first = split.hear(first, &mut two);
        match first {
            Heard::More => {
                let second = split.hear(second, &mut two);
                let said = matches!((&heard, &second), (Heard::Refused(_), Heard::Refused(_)));
                prop_assert!(said || heard == second, "{heard:?} {second:?}");
            }
            first => prop_assert_eq!(std::mem::discriminant(&heard), std::mem::discriminant(&first)),
        }
        prop_assert_eq!(one, two);
    }
}

//! Held against another implementation, against hand-made bytes, and against anything.

use proptest::prelude::*;
use simple_dns::rdata::{A, AAAA, CNAME, MX, RData, SOA, SRV, TXT};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, RCODE, ResourceRecord, TYPE};

use super::*;
use crate::model::dns::{code_name, kind_name};

fn name(text: &str) -> Name<'_> {
    Name::new(text).unwrap()
}

fn query(id: u16) -> Packet<'static> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(simple_dns::Question::new(
        name("www.example.test"),
        QTYPE::TYPE(TYPE::A),
        QCLASS::CLASS(CLASS::IN),
        false,
    ));
    packet
}

fn record<'a>(of: &'a str, data: RData<'a>) -> ResourceRecord<'a> {
    ResourceRecord::new(name(of), CLASS::IN, 300, data)
}

#[test]
fn what_another_implementation_writes_is_read() {
    let bytes = query(7).build_bytes_vec().unwrap();
    let message = read(&bytes).unwrap();
    assert_eq!((message.id, message.is_answer, message.opcode_name(), message.code), (7, false, "QUERY", 0));
    assert_eq!(message.flag_names().collect::<Vec<_>>(), ["rd"]);
    assert_eq!(message.asks(), "A www.example.test");

    let mut reply = query(7).into_reply();
    *reply.rcode_mut() = RCODE::NoError;
    let mut text = TXT::new();
    text.add_string("v=spf1 \"-all\"").unwrap();
    let data = [
        RData::CNAME(CNAME(name("host.example.test"))),
        RData::A(A { address: 0xc000_0201 }),
        RData::AAAA(AAAA { address: 1 }),
        RData::MX(MX { preference: 10, exchange: name("mail.example.test") }),
        RData::TXT(text),
        RData::SRV(SRV { priority: 1, weight: 2, port: 443, target: name("host.example.test") }),
    ];
    reply.answers = data.into_iter().map(|data| record("www.example.test", data)).collect();
    reply.name_servers.push(record(
        "example.test",
        RData::SOA(SOA {
            mname: name("ns.example.test"),
            rname: name("admin.example.test"),
            serial: 1,
            refresh: 2,
            retry: 3,
            expire: 4,
            minimum: 5,
        }),
    ));
    for bytes in [reply.build_bytes_vec().unwrap(), reply.build_bytes_vec_compressed().unwrap()] {
        let message = read(&bytes).unwrap();
        assert!(message.is_answer);
        assert_eq!((message.counts, code_name(message.code)), ([1, 6, 1, 0], "NOERROR".into()));
        let values: Vec<_> = message.records.iter().map(|record| (kind_name(record.kind), &*record.value)).collect();
        let want = [
            ("CNAME", "host.example.test"),
            ("A", "192.0.2.1"),
            ("AAAA", "::1"),
            ("MX", "10 mail.example.test"),
            ("TXT", r#""v=spf1 \"-all\"""#),
            ("SRV", "1 2 443 host.example.test"),
            ("SOA", "ns.example.test admin.example.test 1 2 3 4 5"),
        ];
        assert_eq!(values, want.map(|(kind, value)| (kind.into(), value)));
        assert!(message.records.iter().all(|record| record.ttl == 300));
        assert_eq!(message.records[6].section, Section::Authority);
        assert_eq!(message.says(), "6 answers: host.example.test 192.0.2.1 ::1 10 mail.example.test …");
    }
}

/// A header and what follows.
fn message(flags: u16, counts: [u16; 4], rest: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x12, 0x34];
    bytes.extend(flags.to_be_bytes());
    bytes.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
    bytes.extend(rest);
    bytes
}

#[test]
fn a_resolvers_extended_question_is_read() {
    // What dig sends: EDNS with a cookie.
    let mut rest = b"\x04test\0\0\x10\0\x01".to_vec();
    rest.extend(b"\0\0\x29\x04\xd0\0\0\x80\0\0\x0c\0\x0a\0\x08abcdefgh");
    let message = read(&message(0x0120, [1, 0, 0, 1], &rest)).unwrap();
    assert_eq!(message.edns, Some(Edns { version: 0, size: 1232, dnssec_ok: true }));
    assert_eq!(message.flag_names().collect::<Vec<_>>(), ["rd", "ad"]);
    assert!(message.records.is_empty());
    assert_eq!(message.asks(), "TXT test");
}

#[test]
fn unknown_types_and_extended_codes_have_their_numbers() {
    let rest = b"\x01a\0\x12\x34\0\x01\xc0\x0c\x12\x34\0\x01\0\0\0\x05\0\x02\xab\xcd\0\0\x29\x02\0\x01\0\0\0\0\0";
    let message = read(&message(0x8000, [1, 1, 0, 1], rest)).unwrap();
    assert_eq!(message.asks(), "TYPE4660 a");
    assert_eq!(&*message.records[0].value, r"\# 2 abcd");
    assert_eq!(code_name(message.code), "BADVERS");
}

#[test]
fn names_are_visible_ascii() {
    let rest = b"\x07a.b\\c \x1b\x03\xe4\xbd\xa0\0\0\x01\0\x01";
    let message = read(&message(0, [1, 0, 0, 0], rest)).unwrap();
    assert_eq!(message.asks(), r"A a\.b\\c\032\027.\228\189\160");
}

#[test]
fn what_only_looks_like_it_is_none() {
    let question = b"\x01a\0\0\x01\0\x01";
    let good = message(0x0100, [1, 0, 0, 0], question);
    assert!(read(&good).is_some());
    let bad = [
        ("too short", good[..11].to_vec()),
        ("a byte missing", good[..good.len() - 1].to_vec()),
        ("a byte too many", [&good[..], b"x"].concat()),
        ("the reserved bit", message(0x0140, [1, 0, 0, 0], question)),
        ("an opcode of nobody", message(0x7800, [1, 0, 0, 0], question)),
        ("a question with a code", message(0x0103, [1, 0, 0, 0], question)),
        ("nothing asked", message(0x0100, [0, 0, 0, 0], b"")),
        ("nothing answered", message(0x8000, [0, 0, 0, 0], b"")),
        ("counts that cannot be", message(0x0100, [0xffff; 4], question)),
        ("a class of nobody", message(0, [1, 0, 0, 0], b"\x01a\0\0\x01\0\x63")),
        ("type zero", message(0, [1, 0, 0, 0], b"\x01a\0\0\0\0\x01")),
        ("a pointer to itself", message(0, [1, 0, 0, 0], b"\xc0\x0c\0\x01\0\x01")),
        ("a pointer forward", message(0, [1, 0, 0, 0], b"\xc0\x0e\0\x01\0\x01\0")),
        ("a pointer into the header", message(0, [1, 0, 0, 0], b"\xc0\x02\0\x01\0\x01")),
        ("a reserved label", message(0, [1, 0, 0, 0], b"\x41a\0\0\x01\0\x01")),
        ("an address of five", message(0x8000, [0, 1, 0, 0], b"\x01a\0\0\x01\0\x01\0\0\0\0\0\x05abcde")),
        ("text", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()),
        ("zeroes", vec![0; 64]),
    ];
    for (what, bytes) in bad {
        assert_eq!(read(&bytes), None, "{what}");
    }
    // A refusal may be the bare header.
    assert_eq!(code_name(read(&message(0x8005, [0; 4], b"")).unwrap().code), "REFUSED");
}

/// Bytes that often get far: a good head, counts that may fit, labels and pointers.
fn likely() -> impl Strategy<Value = Vec<u8>> {
    let head = (prop::sample::select(vec![0u16, 0x0100, 0x8180, 0x8400]), prop::array::uniform4(0u16..4));
    let piece = prop_oneof![
        Just(b"\x03abc".to_vec()),
        Just(b"\0".to_vec()),
        Just(b"\0\x01\0\x01".to_vec()),
        Just(b"\0\x10\0\x01\0\0\0\x01\0\x04\x03a\xffb".to_vec()),
        (0u8..64).prop_map(|to| vec![0xc0, to]),
        prop::collection::vec(any::<u8>(), 0..6),
    ];
    (head, prop::collection::vec(piece, 0..40))
        .prop_map(|((flags, counts), pieces)| message(flags, counts, &pieces.concat()))
}

fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Some(message) = read(bytes) {
        let texts = message.questions.iter().map(|question| &question.name);
        let texts = texts.chain(message.records.iter().flat_map(|record| [&record.name, &record.value]));
        for text in texts {
            prop_assert!(text.chars().all(|c| (' '..='~').contains(&c) || c == '…'), "{text:?}");
        }
        prop_assert!(message.weight() <= TEXT + KEPT * (size_of::<Question>() + size_of::<Record>()));
        prop_assert!(message.asks().len() < TEXT + 64 && message.says().len() < TEXT + 64);
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_are_survived_within_bounds(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        check(&bytes)?;
    }

    #[test]
    fn nearly_good_bytes_are_survived_within_bounds(bytes in likely()) {
        check(&bytes)?;
    }

    #[test]
    fn a_good_message_with_any_byte_changed_is_survived(at in 0usize..200, byte in any::<u8>()) {
        let mut reply = query(1).into_reply();
        for _ in 0..5 {
            reply.answers.push(record("www.example.test", RData::CNAME(CNAME(name("a.www.example.test")))));
        }
        let mut bytes = reply.build_bytes_vec_compressed().unwrap();
        let at = at % bytes.len();
        bytes[at] = byte;
        check(&bytes)?;
    }
}

#[test]
fn a_message_as_hostile_as_can_be_is_bounded() {
    // One long name, pointed to by as many records as fit.
    let mut rest = Vec::new();
    for _ in 0..3 {
        rest.push(63);
        rest.extend([0xff; 63]);
    }
    rest.extend(b"\0\0\x01\0\x01");
    let mut count = 0;
    while rest.len() + 30 < LARGEST {
        rest.extend(b"\xc0\x0c\0\x0c\0\x01\0\0\0\x01\0\x02\xc0\x0c");
        count += 1;
    }
    let message = read(&message(0x8000, [1, count, 0, 0], &rest)).unwrap();
    assert!(count > 200 && message.counts[1] == count);
    assert!(message.weight() <= TEXT + KEPT * (size_of::<Question>() + size_of::<Record>()), "{}", message.weight());
}

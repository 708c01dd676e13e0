//! `dig`: its questions are read, its patience is seen, and what it takes for an answer we take for one.

use sockscope::model::datagram::Note;
use sockscope::model::dns::{Dns, code_name};
use sockscope::model::event::Kind;
use sockscope::model::spec::{Reply, Settings};
use sockscope::net::{Command, Payload};

use crate::peers::{Peer, peer, run};
use crate::port;
use crate::support::Lab;

fn silent() -> Settings {
    Settings { reply: Reply::None, ..Settings::default() }
}

/// The DNS on all timelines, in the order it was told.
fn told(lab: &Lab) -> Vec<Dns> {
    let mut events: Vec<_> = lab.rows().into_iter().flat_map(|row| lab.events(row.id)).collect();
    events.sort_by_key(|event| event.at);
    let dns = |kind| match kind {
        Kind::Datagram(note) => match *note {
            Note::Dns(dns) => Some(dns),
            _ => None,
        },
        _ => None,
    };
    events.into_iter().filter_map(|event| dns(event.kind)).collect()
}

#[tokio::test]
async fn dig_asks_three_times_where_nobody_answers() {
    let Some(dig) = peer("dig") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("udp://:0", silent()).await;
    let args = ["@127.0.0.1", "-p", &port(address), "+tries=3", "+timeout=1", "example.test", "MX"];
    let done = run(&dig, &args, b"").await;
    assert!(done.text().contains("no servers could be reached"), "{}", done.text());
    let asked = told(&lab);
    let tries: Vec<_> = asked.iter().map(|dns| (dns.tries, dns.message.asks())).collect();
    assert_eq!(tries, [1, 2, 3].map(|n| (n, "MX example.test".to_string())));
    // A second between them, by its own timeout.
    let after: Vec<_> = asked.iter().map(|dns| dns.took.map_or(0, |ns| (ns + 500_000_000) / 1_000_000_000)).collect();
    assert_eq!(after, [0, 1, 2]);
    assert!(asked[0].message.edns.is_some() && asked[0].message.flag_names().any(|flag| flag == "rd"));
}

#[tokio::test]
async fn what_dig_takes_for_an_answer_is_told_as_one() {
    let Some(dig) = peer("dig") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("udp://:0", silent()).await;
    let args = ["@127.0.0.1", "-p", &port(address), "+tries=1", "+timeout=9", "+noedns", "+short", "a.example.test"];
    let running = Peer::start(&dig, &args);
    let socket = lab.nth(1).await;
    let question = lab.event(socket, "question", |event| event.kind.name() == "message").await.head;
    // The same id and question, two addresses behind it: canned but for what must match.
    let mut answer = question.clone();
    answer[2..8].copy_from_slice(&[0x85, 0x80, 0, 1, 0, 2]);
    for last in [1, 2] {
        answer.extend(b"\xc0\x0c\0\x01\0\x01\0\0\x01\x2c\0\x04\xc0\0\x02");
        answer.push(last);
    }
    lab.endpoints.command(socket, Command::Send(Payload::Bytes(answer.into()))).unwrap();
    assert_eq!(running.ends().await.ok(), "192.0.2.1\n192.0.2.2\n");
    let [asked, said] = told(&lab).try_into().unwrap();
    assert_eq!((asked.message.asks(), asked.message.is_answer), ("A a.example.test".into(), false));
    assert_eq!(said.message.says(), "2 answers: 192.0.2.1 192.0.2.2");
    assert_eq!((code_name(said.message.code), said.took.is_some()), ("NOERROR".into(), true));
    assert_eq!(said.message.flag_names().collect::<Vec<_>>(), ["aa", "rd", "ra"]);
}

#[tokio::test]
async fn a_refusal_is_told_by_its_name() {
    let Some(dig) = peer("dig") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("udp://:0", silent()).await;
    let args = ["@127.0.0.1", "-p", &port(address), "+tries=1", "+timeout=9", "+noedns", "nope.example.test", "AAAA"];
    let running = Peer::start(&dig, &args);
    let socket = lab.nth(1).await;
    let mut answer = lab.event(socket, "question", |event| event.kind.name() == "message").await.head;
    answer[2..4].copy_from_slice(&[0x81, 0x83]);
    lab.endpoints.command(socket, Command::Send(Payload::Bytes(answer.into()))).unwrap();
    assert!(running.ends().await.ok().contains("status: NXDOMAIN"));
    let names: Vec<_> = told(&lab).iter().map(|dns| code_name(dns.message.code)).collect();
    assert_eq!(names, ["NOERROR", "NXDOMAIN"]);
}

//! What is set while an endpoint runs, and what cannot be done is refused before anything is.

use super::*;

#[tokio::test]
async fn groups_are_joined_and_left_while_it_runs() {
    let lab = Lab::default();
    let (id, address) = lab.listen("udp://0.0.0.0:0", settings(&[("join", "239.1.2.3@lo")])).await;
    let socket = plain("127.0.0.1:0");
    socket2::SockRef::from(&socket).set_multicast_if_v4(&std::net::Ipv4Addr::LOCALHOST).unwrap();
    let say = |group: &str, text: &str| socket.send_to(text.as_bytes(), (group, address.port())).unwrap();
    say("239.1.2.3", "one");
    let row = peer(&lab, socket.local_addr().unwrap(), |row| row.count.received.packets == 1).await;
    assert_eq!(row.local.unwrap().ip().to_string(), "239.1.2.3");
    set(&lab, id, "join", "239.1.2.4@127.0.0.1 239.1.2.5@lo");
    let want = ["joined 239.1.2.3@lo", "left 239.1.2.3@lo", "joined 239.1.2.4@lo", "joined 239.1.2.5@lo"];
    lab.until("it moved", || (moves(&lab, id) == want).then_some(())).await;
    say("239.1.2.3", "nobody");
    say("239.1.2.4", "two");
    lab.until("the one it is in", || (texts(&lab, row.id) == ["one", "two"]).then_some(())).await;
    let (_, groups) = lab.hub.details(id.into()).unwrap();
    let told = groups.iter().flat_map(|group| &group.rows).find(|row| row.0 == "groups").unwrap();
    assert_eq!(told.1, "239.1.2.4@lo 239.1.2.5@lo");
    // One that cannot be joined is told; the others stay.
    set(&lab, id, "join", "239.1.2.4@127.0.0.1 239.1.2.6@nope0");
    let events = || lab.hub.events(id.into(), 0, 1000).unwrap().events;
    let error = lab
        .until("the error", || {
            events().into_iter().find_map(|event| if let Kind::Error(fault) = event.kind { Some(fault) } else { None })
        })
        .await;
    assert_eq!(error.to_string(), "ENODEV while joining the group: 239.1.2.6@nope0: there is no such interface");
    // Once: what is set besides is not about it, and those that stay are not left meanwhile.
    set(&lab, id, "multicast_ttl", "3");
    set(&lab, id, "multicast_via", "nope0");
    let errors = || events().iter().filter(|event| event.kind.name() == "error").count();
    let before = moves(&lab, id).len();
    lab.until("the new one", || (errors() == 3).then_some(())).await;
    for ttl in ["4", "5"] {
        set(&lab, id, "multicast_ttl", ttl);
    }
    set(&lab, id, "multicast_via", "");
    lab.until("the group is tried again", || (errors() == 4).then_some(())).await;
    assert_eq!(moves(&lab, id).len(), before);
    say("239.1.2.4", "three");
    lab.until("it is still in", || (texts(&lab, row.id) == ["one", "two", "three"]).then_some(())).await;
    // The group is the endpoint's: a peer has no such setting.
    let refused = lab.endpoints.set(row.id.into(), setting::find("join").unwrap(), "").unwrap_err();
    assert!(refused.0.contains("the endpoint's"), "{refused}");
    set(&lab, id, "join", "");
    lab.until("it left all", || (moves(&lab, id).last()? == "left 239.1.2.4@lo").then_some(())).await;
}

#[tokio::test]
async fn what_cannot_be_sent_to_is_refused_and_makes_no_peer() {
    let lab = Lab::default();
    let (id, _) = lab.listen("udp://127.0.0.1:0", silent()).await;
    let payload = || Payload::Bytes("x".into());
    for (to, why) in [("[::1]:7", "speaks IPv4 alone"), ("127.0.0.1:0", "port 0")] {
        let refused = lab.endpoints.send_to(id, to, payload()).unwrap_err();
        assert!(refused.0.contains(why), "{refused}");
    }
    let there = plain("127.0.0.1:0");
    lab.endpoints.send_to(id, &there.local_addr().unwrap().to_string(), payload()).unwrap();
    peer(&lab, there.local_addr().unwrap(), |row| row.count.sent.packets == 1).await;
    assert_eq!(lab.rows().len(), 1);
}

#[tokio::test]
async fn a_queue_that_was_given_a_size_keeps_one_while_it_is_open() {
    let lab = Lab::default();
    let (id, _) = lab.listen("udp://:0", settings(&[("receive_queue", "64KiB")])).await;
    let row = setting::find("receive_queue").unwrap();
    let refused = lab.endpoints.set(id.into(), row, "default").unwrap_err();
    assert!(refused.0.contains("no way back"), "{refused}");
    set(&lab, id, "receive_queue", "32KiB");
}

#[tokio::test]
async fn a_restart_keeps_the_port() {
    let lab = Lab::default();
    let (id, address) = lab.listen("udp://:0", silent()).await;
    let told = || lab.hub.events(id.into(), 0, 1000).unwrap().events;
    set(&lab, id, "share_port", "yes");
    let ports = lab
        .until("it listens again", || {
            let local = |event: Event| if let Kind::Listening { local } = event.kind { Some(*local) } else { None };
            Some(told().into_iter().filter_map(local).collect::<Vec<_>>()).filter(|ports| ports.len() == 2)
        })
        .await;
    assert_eq!(ports, [address, address]);
}

//! The send panel: who, what, and that no draft is ever lost.

use super::*;
use crate::model::draft::{Coding, Ending, Shape};

fn tcp() -> Rig {
    Rig::new(World::five().with(1, 1).with(2, 1))
}

fn text(rig: &Rig) -> String {
    rig.app.composer.editor.text()
}

fn only(effects: Vec<Effect>) -> (u64, Target, Draft) {
    match effects.as_slice() {
        [Effect::Send { ticket, to, draft }] => (*ticket, to.clone(), draft.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_draft_goes_to_the_selected_socket_and_is_cleared_when_it_was_sent() {
    let mut rig = tcp();
    let (ticket, to, draft) = only(rig.press("i hello S-Tab S-Tab Enter"));
    assert_eq!((to, draft.text.as_str(), draft.ending), (Target::Socket(SocketId(1)), "hello", Ending::CrLf));
    assert_eq!(text(&rig), "hello", "not before it went off");
    assert_eq!(rig.app.update(Msg::Sent { ticket: ticket + 1, text: "another".into() }), []);
    assert_eq!(text(&rig), "hello");
    let effects = rig.app.update(Msg::Sent { ticket, text: "7 B to #1".into() });
    assert_eq!((effects, text(&rig).as_str()), (vec![Effect::Remember(draft)], ""));
    assert_eq!(rig.notice(), "7 B to #1");
    assert!(matches!(rig.app.mode, Mode::Compose), "one stays to type on");
}

#[test]
fn a_refused_draft_stays_with_its_reason() {
    let mut rig = tcp();
    let (ticket, ..) = only(rig.press("i hello Enter"));
    rig.app.update(Msg::Refused { ticket, reason: "the socket is closed".into() });
    assert_eq!((text(&rig).as_str(), rig.app.composer.refused.as_deref()), ("hello", Some("the socket is closed")));
    rig.press("!");
    assert_eq!(rig.app.composer.refused, None, "a new text is a new attempt");
}

#[test]
fn what_is_typed_while_a_draft_is_on_its_way_is_kept() {
    let mut rig = tcp();
    let (ticket, ..) = only(rig.press("i one Enter"));
    assert_eq!(rig.press("Enter"), [], "never twice");
    rig.press("two");
    rig.app.update(Msg::Sent { ticket, text: "sent".into() });
    assert_eq!(text(&rig), "onetwo");
}

#[test]
fn a_draft_that_cannot_be_encoded_stays_in_the_editor() {
    let mut rig = tcp();
    let cases =
        [("i", "nothing to send"), ("Tab \\q", "\\q at column 1"), ("Tab", "is not hex"), ("Back Back Tab", "path")];
    for (keys, reason) in cases {
        rig.press(keys);
        assert_eq!(rig.press("Enter"), []);
        let refused = rig.app.composer.refused.clone().unwrap_or_default();
        assert!(refused.contains(reason), "{keys}: {refused}");
        assert!(rig.app.composer.preview().unwrap_err().0.contains(reason));
    }
}

#[test]
fn the_preview_counts_what_goes_out() {
    let mut rig = tcp();
    rig.press("i 你好");
    assert_eq!(rig.app.composer.preview().unwrap().to_string(), "6 B");
    rig.press("S-Tab S-Tab");
    let preview = rig.app.composer.preview().unwrap();
    assert_eq!((preview.to_string().as_str(), preview.bytes, preview.ending), ("6 B + CRLF = 8 B", 6, 2));
    rig.press("Tab Tab Tab");
    assert_eq!(rig.app.composer.preview().unwrap().to_string(), "the bytes of the file + CRLF");
}

#[test]
fn the_target_does_not_move_with_the_selection_and_a_closed_one_is_refused() {
    let mut rig = tcp();
    rig.press("i hi");
    assert_eq!(rig.app.audience().unwrap().name, "#1 tcp 127.0.0.1:50001");
    rig.world.life(1, Life::PeerEnded);
    rig.look();
    let note = rig.app.audience().unwrap().note.unwrap();
    assert_eq!((note.text.as_str(), note.stop), ("half-closed by the peer, you can still send", false));
    rig.world.life(1, Life::Closed);
    rig.look();
    assert_eq!(rig.press("Enter"), []);
    assert!(rig.app.composer.refused.as_ref().unwrap().contains("it is closed"));
    rig.world.sockets.remove(0);
    rig.look();
    let (_, to, _) = only(rig.press("Enter"));
    assert_eq!((to, text(&rig).as_str()), (Target::Socket(SocketId(1)), "hi"), "never to another one");
}

#[test]
fn a_broadcast_shows_its_count_first() {
    let mut rig = tcp();
    rig.press("i hi ^b");
    let audience = rig.app.audience().unwrap();
    assert_eq!((audience.name.as_str(), audience.count), ("all sockets of tcp 127.0.0.1:8124", 2));
    assert_eq!(only(rig.press("Enter")).1, Target::All(EndpointId(1)));
    rig.press("^b");
    assert_eq!(rig.app.audience().unwrap().count, 1);
}

#[test]
fn an_endpoint_sends_to_all_its_sockets() {
    let mut rig = tcp();
    assert_eq!(only(rig.press("S-Tab i hi Enter")).1, Target::All(EndpointId(1)));
    // The last one is a client whose connection is over.
    rig.press("Esc G i");
    let note = rig.app.audience().unwrap().note.unwrap();
    assert!(note.text.contains("connects it anew") && !note.stop, "{note:?}");
}

#[test]
fn a_message_to_a_udp_endpoint_names_who_is_meant() {
    let mut rig = Rig::new(World::five().with(1, 2).with(2, 2));
    rig.press("S-Tab Down i Enter");
    let audience = rig.app.audience().unwrap();
    assert_eq!(audience.name, "every peer that udp 127.0.0.1:41234 has heard from");
    assert_eq!((audience.count, audience.note), (1, None), "how many, the hub knows");
}

#[test]
fn a_udp_endpoint_asks_for_an_address_first() {
    let mut rig = Rig::new(World::five());
    rig.press("S-Tab j i nowhere Enter");
    let Mode::Address(address) = &rig.app.mode else { panic!("{:?}", rig.app.mode) };
    assert!(address.error.as_ref().unwrap().contains("host:port"));
    let (_, to, draft) = only(rig.press("Back Back Back Back Back Back Back [::1]:53 Enter Enter"));
    assert_eq!(to, Target::Address(EndpointId(2), "[::1]:53".into()));
    assert_eq!(draft.text, "", "an empty datagram is one");
}

#[test]
fn shapes_are_the_protocols() {
    let shape = |endpoint: u32| {
        let mut rig = Rig::new(World::five().with(1, endpoint));
        rig.press("i");
        (rig.app.composer.shape, text(&rig))
    };
    assert_eq!(shape(1), (Shape::Bytes, String::new()));
    assert_eq!(shape(3), (Shape::Reply, String::new()));
    assert_eq!(shape(4), (Shape::Text, String::new()));
    let mut client = World::five();
    client.endpoints.push(endpoint(6, Role::Connect, "https://localhost"));
    let mut rig = Rig::new(client.with(9, 6).with(10, 1));
    rig.press("i");
    assert_eq!((rig.app.composer.shape, text(&rig).as_str()), (Shape::Request, ""));
    rig.press("Esc j i");
    assert_eq!(text(&rig), "", "an untouched example is not a draft");
}

#[test]
fn websocket_shapes_have_their_limits() {
    let mut rig = Rig::new(World::five().with(1, 4));
    rig.press("i Tab \\xff");
    assert!(rig.app.composer.preview().unwrap_err().0.contains("UTF-8"));
    rig.press("^t");
    assert_eq!((rig.app.composer.shape, rig.app.composer.preview().is_ok()), (Shape::Binary, true));
    rig.press("^t");
    rig.app.update(Msg::Paste("x".repeat(125)));
    assert!(rig.app.composer.preview().unwrap_err().0.contains("at most 125 bytes, this has 126"));
}

#[test]
fn a_datagram_has_a_largest_size() {
    let mut rig = Rig::new(World::five().with(1, 2));
    rig.press("i");
    rig.app.update(Msg::Paste("x".repeat(65_507)));
    assert!(rig.app.composer.preview().is_ok());
    rig.press("y");
    assert!(rig.app.composer.preview().unwrap_err().0.contains("65,507"));
}

#[test]
fn escape_keeps_the_draft() {
    let mut rig = tcp();
    rig.press("i half Esc i");
    assert_eq!(text(&rig), "half");
    // It stays with whom it was meant for.
    rig.press("Esc j i");
    assert_eq!(text(&rig), "");
    assert_eq!(rig.app.audience().unwrap().name, "#2 tcp 127.0.0.1:50002");
    rig.press("other Esc k i");
    assert_eq!(text(&rig), "half");
    rig.press("Esc j i");
    assert_eq!(text(&rig), "other");
}

#[test]
fn a_paste_with_control_bytes_is_written_as_escapes() {
    let mut rig = tcp();
    rig.press("i a\\b\\ Left Left");
    rig.app.update(Msg::Paste("\x1b[2J\r\n".into()));
    assert_eq!(text(&rig), "a\\\\\\x1b[2J\\r\\nb\\\\");
    assert_eq!(rig.app.composer.coding, Coding::Escapes);
    assert_eq!(rig.app.composer.draft().encode().unwrap(), b"a\\\x1b[2J\r\nb\\");
    assert!(rig.notice().contains("escapes"));
    assert!(rig.app.composer.editor.cursor().1 < text(&rig).len(), "the cursor is behind the paste");
}

#[test]
fn a_paste_of_lines_is_lines_whatever_the_terminal_makes_of_them() {
    for paste in ["a\nb\tc", "a\rb\tc"] {
        let mut rig = tcp();
        rig.press("i");
        rig.app.update(Msg::Paste(paste.into()));
        assert_eq!((text(&rig).as_str(), rig.app.composer.coding), ("a\nb\tc", Coding::Text));
    }
}

#[test]
fn history_is_walked_and_searched() {
    let draft = |text: &str| Draft { text: text.into(), ..Draft::default() };
    let mut rig = tcp();
    rig.app = App::new(vec![draft("ping"), draft("hello"), draft("hello"), draft("PONG")]);
    rig.look();
    rig.press("i now Up");
    assert_eq!(text(&rig), "PONG");
    rig.press("Up Up Up");
    assert_eq!(text(&rig), "ping", "no neighbour twice, and nothing before the first");
    rig.press("Down Down Down");
    assert_eq!(text(&rig), "now", "back to what was typed");
    rig.press("^r ng Down");
    let Mode::History(search) = &rig.app.mode else { panic!("{:?}", rig.app.mode) };
    assert_eq!(search.found.len(), 2);
    rig.press("Enter");
    assert_eq!(text(&rig), "ping");
    rig.press("^r Esc");
    assert!(matches!(rig.app.mode, Mode::Compose));
}

#[test]
fn up_moves_in_the_text_before_it_means_history() {
    let mut rig = tcp();
    rig.app.history.push(Draft { text: "old".into(), ..Draft::default() });
    rig.press("i a ^j b Up");
    assert_eq!(text(&rig), "a\nb");
    rig.press("Up");
    assert_eq!(text(&rig), "old");
}

#[test]
fn the_history_is_bounded() {
    let drafts = (0..2_000).map(|n| Draft { text: n.to_string(), ..Draft::default() }).collect();
    let history = History::new(drafts);
    assert_eq!(history.drafts().len(), composer::MOST);
    assert_eq!(history.drafts()[0].text, "1000");
}

#[test]
fn a_websocket_message_goes_in_as_many_frames_as_was_chosen() {
    let mut rig = Rig::new(World::five().with(1, 4));
    rig.press("i hello ^f ^f");
    assert_eq!(only(rig.press("Enter")).2.fragments, 3);
    // A ping is whole, and to split it is no choice.
    let mut rig = Rig::new(World::five().with(1, 4));
    rig.press("i hello ^f ^t ^t");
    assert_eq!(rig.app.composer.shape, Shape::Ping);
    assert!(!rig.footer().contains("frames"), "{}", rig.footer());
    assert_eq!(only(rig.press("Enter")).2.fragments, 0);
    let mut rig = tcp();
    rig.press("i ^f");
    assert!(rig.notice().contains("only a WebSocket message"), "{}", rig.notice());
}

#[test]
fn with_a_filter_a_draft_can_go_to_those_it_shows() {
    let mut rig = tcp();
    rig.press("/ 127.0.0.1 Enter i hi ^b");
    assert!(matches!(rig.app.composer.aim.as_ref().unwrap().target, Target::All(_)));
    rig.press("^b");
    assert_eq!(rig.app.audience().unwrap().name, "sockets of tcp 127.0.0.1:8124 with \"127.0.0.1\"");
    assert_eq!(only(rig.press("Enter")).1, Target::Matching(EndpointId(1), "127.0.0.1".into()));
    rig.press("^b");
    assert_eq!(rig.app.composer.aim.as_ref().unwrap().target, Target::Socket(SocketId(1)));
}

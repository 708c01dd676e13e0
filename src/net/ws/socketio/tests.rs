//! What a session says to what it hears.

use std::future::poll_fn;

use proptest::prelude::*;

use super::*;
use crate::model::spec::{Escaped, Fixed};

fn server() -> Session {
    let mut session = Session::new(Role::Listen, None, 1 << 20, None);
    session.open();
    session
}

fn hears(session: &mut Session, text: &str) -> Vec<Say> {
    hears_with(session, text, &Reply::Echo)
}

fn hears_with(session: &mut Session, text: &str, reply: &Reply) -> Vec<Say> {
    session.heard(Form::Text, &Bytes::copy_from_slice(text.as_bytes()), reply)
}

fn binary(session: &mut Session, bytes: &'static [u8]) -> Vec<Say> {
    session.heard(Form::Binary, &Bytes::from_static(bytes), &Reply::Echo)
}

fn text(text: &str) -> Say {
    Say::Text(text.into())
}

fn refused(uri: &str) -> Option<u16> {
    objection(&uri.parse().unwrap()).map(|(status, _)| status.as_u16())
}

#[test]
fn only_a_session_over_the_websocket_transport_is_opened() {
    assert_eq!(refused("/socket.io/?EIO=4&transport=websocket"), None);
    assert_eq!(refused("/socket.io?transport=websocket&t=x&EIO=4"), None);
    assert_eq!(refused("/chat?EIO=4&transport=websocket"), Some(404));
    assert_eq!(refused("/socket.io/?EIO=3&transport=websocket"), Some(400));
    assert_eq!(refused("/socket.io/"), Some(400));
    assert_eq!(refused("/socket.io/?EIO=4&transport=websocket&sid=x"), Some(400));
    let (status, why) = objection(&"/socket.io/?EIO=4&transport=polling&t=x".parse().unwrap()).unwrap();
    assert_eq!(status, 400);
    assert!(why.contains("transports: [\"websocket\"]"), "{why}");
}

#[tokio::test]
async fn a_server_begins_with_its_handshake() {
    let Some(Say::Text(said)) = Session::new(Role::Listen, None, 1, None).open() else { panic!() };
    let told: Value = serde_json::from_str(said.strip_prefix('0').unwrap()).unwrap();
    assert_eq!((&told["pingInterval"], &told["pingTimeout"]), (&json!(25_000), &json!(20_000)));
    assert_eq!((&told["upgrades"], &told["maxPayload"]), (&json!([]), &json!(1_000_000)));
    assert_eq!(told["sid"].as_str().unwrap().len(), 20);
    assert_ne!(sid(), sid());
}

#[tokio::test]
async fn namespaces_are_entered_and_left() {
    let mut session = server();
    let said = hears(&mut session, "40/admin,{\"token\":\"x\"}");
    let [Say::Text(said)] = &*said else { panic!("{said:?}") };
    assert!(said.starts_with("40/admin,{\"sid\":\""), "{said}");
    assert!(session.facts().read()[0].rows.contains(&("namespaces".into(), "/admin".into())));
    assert_eq!(hears(&mut session, "41/admin,"), []);
    let said = hears(&mut session, "42/admin,[\"x\"]");
    assert_eq!(said, [Say::Close(Some("a packet for a namespace that nobody connected to"))]);
}

#[tokio::test]
async fn a_client_cannot_be_in_namespaces_without_end() {
    let mut session = server();
    for n in 0..NAMESPACES {
        assert!(matches!(&*hears(&mut session, &format!("40/{n},")), [Say::Text(said)] if said.starts_with("40")));
    }
    let said = hears(&mut session, "40/more,");
    assert!(matches!(&*said, [Say::Text(said)] if said.starts_with("44/more,{\"message\":")), "{said:?}");
}

#[tokio::test]
async fn an_event_comes_back_and_what_asks_for_an_ack_gets_one() {
    let mut session = server();
    hears(&mut session, "40");
    assert_eq!(hears(&mut session, r#"42["chat","hi",1]"#), [text(r#"42["chat","hi",1]"#)]);
    assert_eq!(hears(&mut session, r#"427["add",2,3]"#), [text("437[2,3]"), text(r#"42["add",2,3]"#)]);
    let fixed = Reply::Fixed(Fixed { text: Escaped("ok".into()), ..Fixed::default() });
    assert_eq!(
        hears_with(&mut session, r#"428["add"]"#, &fixed),
        [text(r#"438["ok"]"#), text(r#"42["message","ok"]"#)]
    );
    assert_eq!(hears_with(&mut session, r#"429["add"]"#, &Reply::None), []);
    assert_eq!(hears(&mut session, "431[]"), []);
}

#[tokio::test]
async fn attachments_are_waited_for_and_come_back() {
    let mut session = server();
    hears(&mut session, "40");
    let event = r#"452-5["file",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    assert_eq!(hears(&mut session, event), []);
    assert_eq!(binary(&mut session, b"one"), []);
    let back = [
        text(r#"462-5[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#),
        Say::Binary("one".into()),
        Say::Binary("two".into()),
        text(r#"452-["file",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#),
        Say::Binary("one".into()),
        Say::Binary("two".into()),
    ];
    assert_eq!(binary(&mut session, b"two"), back);
    assert!(matches!(&*binary(&mut session, b"three"), [Say::Close(Some(_))]));
}

#[tokio::test]
async fn what_breaks_the_protocol_ends_the_session() {
    assert_eq!(hears(&mut server(), "1"), [Say::Close(None)]);
    for bad in ["x", "0{}", "4", "42", r#"42["before","connect"]"#] {
        assert!(matches!(&*hears(&mut server(), bad), [Say::Close(Some(_))]), "{bad}");
    }
    let mut session = server();
    hears(&mut session, "40");
    hears(&mut session, r#"451-["file",{"_placeholder":true,"num":0}]"#);
    assert!(matches!(&*hears(&mut session, "3"), [Say::Close(Some(_))]));
    let mut session = Session::new(Role::Listen, None, 4, None);
    hears(&mut session, "40");
    hears(&mut session, r#"452-["file"]"#);
    assert!(matches!(&*binary(&mut session, b"large"), [Say::Close(Some(_))]));
}

#[tokio::test]
async fn a_greeting_is_an_event() {
    let mut session = Session::new(Role::Listen, None, 1, Some(&"welcome\n".into()));
    assert_eq!(hears(&mut session, "40")[1], text(r#"42["message","welcome\n"]"#));
}

#[tokio::test]
async fn a_client_enters_the_main_namespace_and_answers_pings() {
    let mut session = Session::new(Role::Connect, None, 1, None);
    assert_eq!(session.open(), None);
    assert_eq!(hears(&mut session, r#"0{"sid":"abc","pingInterval":1}"#), [text("40")]);
    assert_eq!(hears(&mut session, r#"40{"sid":"def"}"#), []);
    assert_eq!(hears(&mut session, "2"), [text("3")]);
    assert_eq!(hears(&mut session, r#"421["chat"]"#), []);
    assert!(session.facts().read()[0].rows.contains(&("sid".into(), "abc".into())));
}

#[tokio::test(start_paused = true)]
async fn a_server_pings_and_gives_up_on_a_client_that_does_not_answer() {
    let mut session = Session::new(Role::Listen, Some(Duration::from_secs(5)), 1, None);
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    assert_eq!(poll_fn(|wakes| session.poll(wakes)).await, text("2"));
    assert_eq!(Instant::now().duration_since(start).as_secs(), 5);
    hears(&mut session, "3");
    assert_eq!(poll_fn(|wakes| session.poll(wakes)).await, text("2"));
    assert!(Instant::now() >= after(10) && Instant::now() < after(11));
    assert!(matches!(poll_fn(|wakes| session.poll(wakes)).await, Say::Close(Some(_))));
    assert!(Instant::now() >= after(30) && Instant::now() < after(31));
}

proptest! {
    #[test]
    fn any_messages_are_survived(messages in prop::collection::vec((any::<bool>(), "[0-6]{0,2}[-,/0-9\\[\\]{}\"a]{0,12}"), 0..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _guard = runtime.enter();
        for role in [Role::Listen, Role::Connect] {
            let mut session = Session::new(role, None, 100, None);
            for (is_text, message) in &messages {
                let form = if *is_text { Form::Text } else { Form::Binary };
                session.heard(form, &Bytes::copy_from_slice(message.as_bytes()), &Reply::Echo);
            }
        }
    }
}

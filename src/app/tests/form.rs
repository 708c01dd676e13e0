//! The endpoint form.

use std::collections::BTreeMap;

use super::*;
use crate::app::form::{Answer, Field};
use crate::model::spec::{Escaped, Fixed, Reply, Settings};

fn form(rig: &Rig) -> &Form {
    match &rig.app.mode {
        Mode::Form(form) => form,
        other => panic!("{other:?}"),
    }
}

fn clear_url() -> String {
    vec!["Back"; 30].join(" ")
}

#[test]
fn an_endpoint_is_added() {
    let mut rig = Rig::new(World::five());
    let keys = format!("a {} udp://:5000 Enter", clear_url());
    let effects = rig.press(&keys);
    let want = Spec::new(Role::Listen, Url::parse("udp://:5000", Role::Listen).unwrap());
    assert_eq!(effects, [Effect::Open(Box::new(want))]);
    assert!(matches!(rig.app.mode, Mode::Browse));
}

#[test]
fn what_is_wrong_is_said_at_the_field_and_nothing_is_lost() {
    let mut rig = Rig::new(World::five());
    rig.press(&format!("a {} ftp://x Tab Enter", clear_url()));
    let (field, error) = form(&rig).error.clone().unwrap();
    assert_eq!((field, form(&rig).at), (Field::Url, Field::Url));
    assert!(error.contains("\"ftp\" is no scheme"), "{error}");
    assert_eq!(form(&rig).url.text(), "ftp://x");
}

#[test]
fn only_fields_that_apply_are_shown() {
    let fields = |role, url: &str| {
        let spec = Spec::new(role, Url::parse(url, role).unwrap());
        Form::edit(EndpointId(1), &spec).fields()
    };
    use Field as F;
    assert_eq!(fields(Role::Listen, "tcp://"), [F::Role, F::Url, F::Reply, F::Greet, F::HalfOpen]);
    assert_eq!(fields(Role::Listen, "udp://"), [F::Role, F::Url, F::Reply]);
    assert_eq!(fields(Role::Listen, "https://"), [F::Role, F::Url, F::Reply]);
    assert_eq!(fields(Role::Connect, "wss://a"), [F::Role, F::Url, F::Verify]);
    assert_eq!(fields(Role::Connect, "tcp://a:1"), [F::Role, F::Url, F::HalfOpen]);
}

#[test]
fn choices_change_by_arrows_and_space_and_texts_take_them_as_text() {
    let mut rig = Rig::new(World::five());
    rig.press("a tcp://127.0.0.1:9000 Space");
    assert!(form(&rig).url.text().ends_with(' '));
    rig.press("Back Tab Left");
    assert_eq!(form(&rig).reply, Answer::Text);
    rig.press("Tab hi\\n Tab yo Tab Space");
    let effects = rig.press("Enter");
    let [Effect::Open(spec)] = effects.as_slice() else { panic!("{effects:?}") };
    let text = Escaped("hi\n".into());
    assert_eq!(spec.settings.reply, Reply::Fixed(Fixed { text, ..Fixed::default() }));
    assert_eq!((spec.settings.greet.clone(), spec.settings.half_open), (Some(Escaped("yo".into())), true));
}

#[test]
fn editing_keeps_what_the_form_does_not_show() {
    let mut world = World::five();
    let settings = Settings {
        reply: Reply::Fixed(Fixed {
            text: Escaped("你好\n".into()),
            status: Some(418),
            headers: BTreeMap::from([("x".into(), "y".into())]),
        }),
        show: Some("server got: {message}".into()),
        subprotocols: vec!["chat".into()],
        insecure: true,
        ..Settings::default()
    };
    let spec = Spec { settings, ..Spec::new(Role::Listen, Url::parse("http://:8180", Role::Listen).unwrap()) };
    world.endpoints[0].spec = Arc::new(spec.clone());
    let mut rig = Rig::new(world);
    assert_eq!(rig.press("S-Tab E Enter"), [Effect::Edit(EndpointId(1), Box::new(spec))]);
}

#[test]
fn escapes_that_are_none_are_said_at_their_field() {
    let mut rig = Rig::new(World::five());
    rig.press("a tcp://:1 Tab Tab \\q Enter");
    let (field, error) = form(&rig).error.clone().unwrap();
    assert_eq!(field, Field::Greet);
    assert!(error.contains("\\q"), "{error}");
}

#[test]
fn a_paste_into_a_text_with_escapes_keeps_its_control_bytes() {
    let mut rig = Rig::new(World::five());
    rig.press("a Tab Tab");
    rig.app.update(Msg::Paste("a\r\n\x1b".into()));
    assert_eq!(form(&rig).greet.text(), "a\\r\\n\\x1b");
}

#[test]
fn escape_changes_nothing() {
    let mut rig = Rig::new(World::five());
    assert_eq!(rig.press("a x Esc"), []);
    assert!(matches!(rig.app.mode, Mode::Browse));
}

//! The endpoint form.

use super::*;
use crate::app::form::{Field, Of};
use crate::model::headers::Headers;
use crate::model::setting::{self, Row};
use crate::model::spec::{Escaped, Fixed, Reply, Settings};

fn form(rig: &Rig) -> &Form {
    match &rig.app.mode {
        Mode::Form(form) => form,
        other => panic!("{other:?}"),
    }
}

fn row(name: &str) -> &'static Row {
    setting::find(name).unwrap()
}

/// Tabs from the first field to a setting.
fn to(form: &Form, name: &str) -> String {
    let at = form.fields().iter().position(|field| *field == Field::Row(row(name))).unwrap();
    let from = form.fields().iter().position(|field| *field == form.at).unwrap();
    vec!["Tab"; at - from].join(" ")
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
    let shows = |role, url: &str, name: &str| {
        let spec = Spec::new(role, Url::parse(url, role).unwrap());
        Form::edit(EndpointId(1), &spec).fields().contains(&Field::Row(row(name)))
    };
    for (role, url, yes, no) in [
        (Role::Listen, "tcp://", ["reply", "greet", "half_open"], ["reply.text", "insecure", "subprotocols"]),
        (Role::Listen, "udp://", ["reply", "show", "show"], ["greet", "timeout", "nodelay"]),
        (Role::Connect, "wss://a", ["insecure", "ca", "subprotocols"], ["reply", "greet", "half_open"]),
        (Role::Connect, "tcp://a:1", ["half_open", "timeout", "nodelay"], ["reply", "insecure", "ca"]),
    ] {
        assert_eq!(yes.map(|name| shows(role, url, name)), [true; 3], "{url} {yes:?}");
        assert_eq!(no.map(|name| shows(role, url, name)), [false; 3], "{url} {no:?}");
    }
}

#[test]
fn choices_change_by_arrows_and_space_and_texts_take_them_as_text() {
    let mut rig = Rig::new(World::five());
    rig.press("a tcp://127.0.0.1:9000 Space");
    assert!(form(&rig).url.text().ends_with(' '));
    rig.press("Back Tab Left Left");
    assert!(matches!(form(&rig).settings.reply, Reply::Fixed(_)));
    rig.press("Tab hi\\n Tab yo");
    let keys = to(form(&rig), "half_open");
    rig.press(&format!("{keys} Space"));
    let effects = rig.press("Enter");
    let [Effect::Open(spec)] = effects.as_slice() else { panic!("{effects:?}") };
    let text = Escaped("hi\n".into());
    assert_eq!(spec.settings.reply, Reply::Fixed(Fixed { text, ..Fixed::default() }));
    assert_eq!((spec.settings.greet.clone(), spec.settings.half_open), (Some(Escaped("yo".into())), true));
}

#[test]
fn options_change_what_was_changed_and_nothing_else() {
    let mut rig = Rig::new(World::five());
    rig.press("S-Tab o");
    let Of::Options(subject) = form(&rig).of else { panic!("{:?}", form(&rig).of) };
    let live = |field: &Field| matches!(field, Field::Row(row) if row.live > setting::Live::Restart);
    assert!(form(&rig).fields().iter().all(live));
    assert_eq!(rig.press("Enter"), [], "nothing was changed");
    rig.press("o");
    let keys = to(form(&rig), "nodelay");
    let effects = rig.press(&format!("{keys} Space Enter"));
    assert_eq!(effects, [Effect::Set { subject, changes: vec![(row("nodelay"), "no".into())] }]);
}

#[test]
fn editing_keeps_what_the_form_does_not_show() {
    let mut world = World::five();
    let settings = Settings {
        reply: Reply::Fixed(Fixed {
            text: Escaped("你好\n".into()),
            status: Some(418),
            headers: Headers(vec![("x".into(), "y".into())]),
        }),
        show: Some("server got: {message}".into()),
        ..Settings::default().with("subprotocols", "chat").unwrap().with("insecure", "yes").unwrap()
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
    assert_eq!(field, Field::Row(row("greet")));
    assert!(error.contains("\\q"), "{error}");
}

#[test]
fn a_paste_into_a_text_with_escapes_keeps_its_control_bytes() {
    let mut rig = Rig::new(World::five());
    rig.press("a Tab Tab");
    rig.app.update(Msg::Paste("a\r\n\x1b".into()));
    assert_eq!(form(&rig).line(row("greet")).unwrap().text(), "a\\r\\n\\x1b");
}

#[test]
fn escape_changes_nothing() {
    let mut rig = Rig::new(World::five());
    assert_eq!(rig.press("a x Esc"), []);
    assert!(matches!(rig.app.mode, Mode::Browse));
}

#[test]
fn options_that_are_refused_are_there_again_with_the_reason_at_the_field() {
    let mut rig = Rig::new(World { endpoints: vec![endpoint(1, Role::Listen, "tls://:8443")], ..World::default() });
    rig.press("S-Tab o");
    let keys = to(form(&rig), "ca");
    let effects = rig.press(&format!("{keys} n o Enter"));
    assert!(matches!(effects[..], [Effect::Set { .. }]), "{effects:?}");
    rig.app.update(Msg::Unset { reason: "ca: \"no\" is neither a file nor a name".into() });
    let (at, text) = form(&rig).error.clone().unwrap();
    assert_eq!((at, form(&rig).at), (Field::Row(row("ca")), Field::Row(row("ca"))));
    assert!(text.contains("neither a file"), "{text}");
    assert_eq!(form(&rig).line(row("ca")).unwrap().text(), "no", "nothing typed is lost");
}

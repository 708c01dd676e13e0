//! The certificates' screen: keys in, wishes out, and what comes back.

use super::*;
use crate::model::workbench::{Deed, Entry, Outcome, Refusal, Shelf, Told, Wish};

fn entry(name: &str, is_ca: bool, kept: &[&'static str]) -> Entry {
    Entry { name: name.into(), is_ca, kept: kept.to_vec(), ..Entry::default() }
}

fn shelf(names: &[&str]) -> Shelf {
    let entries = names.iter().map(|name| entry(name, *name == "ca", &["key", "crt"])).collect();
    Shelf { entries, ..Shelf::default() }
}

/// The screen, open, with these names in the store.
fn bench(names: &[&str]) -> Rig {
    let mut rig = Rig::new(World::five());
    let [Effect::Workbench { ticket, wish: None }] = rig.press("C")[..] else { panic!() };
    told(&mut rig, ticket, Outcome::Looked, shelf(names));
    rig
}

fn told(rig: &mut Rig, ticket: u64, outcome: Outcome, shelf: Shelf) {
    assert_eq!(rig.app.update(Msg::Told(Box::new(Told { ticket, outcome, shelf }))), []);
}

/// The one wish that came of a key.
fn wished(effects: &[Effect]) -> (u64, Wish) {
    match effects {
        [Effect::Workbench { ticket, wish: Some(wish) }] => (*ticket, wish.clone()),
        other => panic!("{other:?}"),
    }
}

fn done(name: &str, line: &str) -> Outcome {
    Outcome::Done { lines: vec![line.into()], name: Some(name.into()) }
}

fn refused(text: &str, option: Option<&str>, is_taken: bool) -> Outcome {
    Outcome::Refused(Refusal { text: text.into(), option: option.map(str::to_owned), is_taken })
}

#[test]
fn two_keys_make_a_certificate_for_localhost() {
    let mut rig = bench(&[]);
    let (ticket, wish) = wished(&rig.press("n Enter"));
    assert_eq!(wish.command(), "sockscope cert for localhost 127.0.0.1");
    told(&mut rig, ticket, done("localhost", "wrote localhost.crt"), shelf(&["ca", "localhost"]));
    assert_eq!((rig.app.workbench.at.as_deref(), rig.notice()), (Some("localhost"), "wrote localhost.crt"));
    assert!(rig.app.workbench.sheet.is_none());
    assert_eq!(rig.press("Esc"), []);
    assert!(matches!(rig.app.mode, Mode::Browse));
}

#[test]
fn what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost() {
    let mut rig = bench(&["ca"]);
    let (ticket, _) = wished(&rig.press("n Back Tab Tab Back Back many Enter"));
    told(&mut rig, ticket, refused("\"many\" is not a number", Some("days"), false), shelf(&["ca"]));
    let sheet = rig.app.workbench.sheet.as_ref().unwrap();
    assert_eq!(sheet.at, 2);
    assert_eq!(sheet.shown()[2].error, Some("\"many\" is not a number"));
    assert_eq!(sheet.wish().words, ["for", "--days=many", "localhost", "127.0.0."]);
    // What no field is to blame for stands below them all.
    let (ticket, _) = wished(&rig.press("Enter"));
    assert_eq!(rig.press("Enter"), [], "once is enough while it is being done");
    told(&mut rig, ticket, refused("the CA is not valid yet", None, false), shelf(&["ca"]));
    assert_eq!(rig.app.workbench.sheet.as_ref().unwrap().trouble(), Some("the CA is not valid yet"));
    rig.press("x");
    assert_eq!(rig.app.workbench.sheet.as_ref().unwrap().error, None);
    // A sentence that begins with what was typed is about that field.
    let (ticket, _) = wished(&rig.press("Enter"));
    told(&mut rig, ticket, refused("\"127.0.0.\" is no name a certificate can have", None, false), shelf(&["ca"]));
    assert_eq!(rig.app.workbench.sheet.as_ref().unwrap().at, 0);
}

#[test]
fn what_is_there_is_replaced_only_after_a_yes() {
    let mut rig = bench(&["ca"]);
    let (ticket, wish) = wished(&rig.press("c Enter"));
    assert_eq!(wish.words, ["ca", "ca"]);
    let taken = || refused("/s/ca.key is there already: take another name, or replace it", None, true);
    told(&mut rig, ticket, taken(), shelf(&["ca"]));
    let question = rig.app.workbench.question.clone().unwrap();
    assert_eq!(question.text, "/s/ca.key is there already. Replace it?");
    assert_eq!(rig.press("n"), []);
    let (ticket, _) = wished(&rig.press("Enter"));
    told(&mut rig, ticket, taken(), shelf(&["ca"]));
    let (_, wish) = wished(&rig.press("y"));
    assert_eq!(wish.words, ["ca", "--replace", "ca"]);
}

#[test]
fn a_private_key_is_asked_for_twice_and_not_kept() {
    let mut rig = bench(&["a", "b"]);
    assert_eq!(rig.press("Down P"), []);
    assert!(rig.app.workbench.question.as_ref().unwrap().text.starts_with("Show the private key of b?"));
    assert_eq!(rig.press("Esc"), []);
    let (ticket, wish) = wished(&rig.press("P y"));
    assert_eq!(wish.words, ["private", "--yes", "b"]);
    told(&mut rig, ticket, done("b", "-----BEGIN PRIVATE KEY-----"), shelf(&["a", "b"]));
    assert_eq!(rig.app.workbench.said.as_ref().unwrap().lines, ["-----BEGIN PRIVATE KEY-----"]);
    rig.press("Up");
    assert_eq!((rig.app.workbench.said.clone(), rig.app.workbench.at.as_deref()), (None, Some("a")));
}

#[test]
fn leaving_the_screen_takes_a_private_key_off_it() {
    let mut rig = bench(&["a"]);
    let (ticket, _) = wished(&rig.press("P y"));
    rig.press("Esc");
    assert!(matches!(rig.app.mode, Mode::Browse));
    told(&mut rig, ticket, done("a", "-----BEGIN PRIVATE KEY-----"), shelf(&["a"]));
    assert_eq!(rig.app.workbench.said, None, "it came too late to be looked at");
}

#[test]
fn a_verdict_is_shown_in_full_and_the_form_is_done() {
    let mut rig = bench(&["a"]);
    let (ticket, wish) = wished(&rig.press("v Tab b.test Enter"));
    assert_eq!(wish.words, ["verify", "--host=b.test", "a"]);
    told(&mut rig, ticket, refused("name b.test is not among: a.test", None, false), shelf(&["a"]));
    let said = rig.app.workbench.said.clone().unwrap();
    assert_eq!((said.good, said.lines), (false, vec!["name b.test is not among: a.test".to_owned()]));
    assert!(rig.app.workbench.sheet.is_none());
}

#[test]
fn forms_begin_with_what_is_selected() {
    let mut rig = bench(&["a", "ca"]);
    rig.app.workbench.shelf.entries.push(entry("below", true, &["key", "crt"]));
    for (keys, want) in [
        ("s Enter", vec!["sign", "a"]),
        ("Esc Bottom p Enter", vec!["pkcs12", "below"]),
        ("Esc n Enter", vec!["for", "--ca=below", "localhost", "127.0.0.1"]),
    ] {
        let keys = keys.replace("Bottom", "End");
        let (ticket, wish) = wished(&rig.press(&keys));
        assert_eq!(wish.words, want);
        let shelf = rig.app.workbench.shelf.clone();
        told(&mut rig, ticket, refused("no", None, false), shelf);
    }
}

#[test]
fn a_step_that_cannot_be_done_says_why() {
    let mut rig = bench(&[]);
    for (key, reason) in [("v", "with a certificate"), ("p", "key and certificate"), ("P", "private key")] {
        assert_eq!(rig.press(key), []);
        assert!(rig.notice().contains(reason), "{key}: {}", rig.notice());
    }
    let footer = rig.footer();
    assert!(footer.starts_with("n new") && !footer.contains("revoke"), "{footer}");
}

#[test]
fn an_answer_that_comes_late_or_twice_changes_only_the_list() {
    let mut rig = bench(&["a"]);
    told(&mut rig, 99, refused("x", None, true), shelf(&["a", "b"]));
    assert_eq!((rig.app.workbench.question.clone(), rig.app.workbench.shelf.entries.len()), (None, 2));
    let (ticket, _) = wished(&rig.press("t"));
    assert_eq!(rig.press("L"), []);
    assert!(rig.notice().contains("being done"), "{}", rig.notice());
    assert!(matches!(rig.app.workbench.doing, Some((doing, Wish { deed: Deed::Trust, .. })) if doing == ticket));
}

#[test]
fn the_selected_endpoint_shows_the_selected_certificate() {
    let mut rig = Rig::new(World::five());
    // The fifth endpoint is a client of TLS.
    let [Effect::Workbench { ticket, .. }] = rig.press("S-Tab End C")[..] else { panic!() };
    told(&mut rig, ticket, Outcome::Looked, shelf(&["a", "b"]));
    let row = crate::model::setting::find("certificate").unwrap();
    let subject = Subject::Endpoint(EndpointId(5));
    assert_eq!(rig.press("Down u"), [Effect::Set { subject, changes: vec![(row, "b".into())] }]);
    // The second is UDP; TCP may come to TLS.
    rig.press("Esc Home Down C");
    assert_eq!(rig.press("u"), []);
    assert!(rig.notice().contains("a secure endpoint"), "{}", rig.notice());
}

#[test]
fn a_cas_own_certificate_is_put_on_an_endpoint_with_a_word_of_caution() {
    let mut rig = Rig::new(World::five());
    let [Effect::Workbench { ticket, .. }] = rig.press("S-Tab End C")[..] else { panic!() };
    let mut shelf = shelf(&["a"]);
    shelf.entries[0].is_ca = true;
    told(&mut rig, ticket, Outcome::Looked, shelf);
    assert!(matches!(rig.press("u")[..], [Effect::Set { .. }]));
    rig.app.update(Msg::Notice { text: "certificate = a".into(), good: true });
    assert!(rig.notice().contains("certificate = a; that is a CA's own"), "{}", rig.notice());
    rig.app.update(Msg::Notice { text: "done".into(), good: true });
    assert_eq!(rig.notice(), "done", "once");
}

#[test]
fn a_form_that_was_left_is_shown_again_as_it_was() {
    let mut rig = bench(&["a"]);
    rig.press("c Back x Esc");
    assert!(rig.app.workbench.sheet.is_none());
    rig.press("c");
    assert_eq!(rig.app.workbench.sheet.as_ref().unwrap().wish().words, ["ca", "cx"]);
    rig.press("Back Back ca Esc c");
    assert_eq!(rig.app.workbench.sheet.as_ref().unwrap().wish().words, ["ca", "ca"]);
}

#[test]
fn help_comes_back_to_the_certificates() {
    let mut rig = bench(&["a"]);
    rig.press("?");
    assert!(matches!(rig.app.mode, Mode::Help { scroll: 1.., certificates: true }));
    rig.press("Down");
    assert!(matches!(rig.app.mode, Mode::Help { .. }));
    rig.press("Esc");
    assert!(matches!(rig.app.mode, Mode::Workbench));
}

#[test]
fn a_key_that_does_not_fit_is_shown_by_no_endpoint() {
    let mut rig = bench(&["a"]);
    rig.app.workbench.shelf.entries[0].misfit = true;
    assert_eq!(rig.press("u"), []);
    assert!(rig.notice().contains("is not the certificate's"), "{}", rig.notice());
}

//! The gallery of bad certificates: for whom it is, what is chosen, and the way back.

use super::*;
use crate::model::setting::tls::Flaw;
use crate::model::spec::Settings;

/// The dashboard with its TLS listener selected; what it shows is set to this.
fn rig(certificate: &str) -> Rig {
    let mut rig = Rig::new(World { endpoints: vec![endpoint(1, Role::Listen, "tls://:8443")], ..World::default() });
    show(&mut rig, certificate);
    rig.press("S-Tab");
    rig
}

fn show(rig: &mut Rig, certificate: &str) {
    let settings = Settings::default().with("certificate", certificate).unwrap();
    Arc::make_mut(&mut rig.world.endpoints[0].spec).settings = settings;
    rig.look();
}

fn labels(rig: &Rig) -> Vec<&'static str> {
    let Mode::Palette(palette) = &rig.app.mode else { panic!("{:?}", rig.app.mode) };
    palette.found.iter().map(|found| found.label).collect()
}

fn set(effects: &[Effect]) -> (&'static str, &str) {
    match effects {
        [Effect::Set { changes, .. }] => (changes[0].0.name, &changes[0].1),
        effects => panic!("{effects:?}"),
    }
}

#[test]
fn a_secure_listener_is_given_a_bad_certificate_and_its_own_again() {
    let mut rig = rig("localhost");
    rig.press("b");
    assert_eq!(labels(&rig), Flaw::ALL.map(Flaw::value));
    let effects = rig.press("wrong Enter");
    assert_eq!(set(&effects), ("certificate", "bad:wrong-name"));
    assert!(matches!(rig.app.mode, Mode::Browse));
    show(&mut rig, "bad:wrong-name");
    rig.press("b Down");
    assert_eq!(labels(&rig)[0], "good again");
    let effects = rig.press("Enter");
    assert_eq!(set(&effects), ("certificate", "bad:expired"));
    show(&mut rig, "bad:expired");
    let effects = rig.press("b Enter");
    assert_eq!(set(&effects), ("certificate", "localhost"), "from one bad one to the next it is not forgotten");
}

#[test]
fn the_palette_has_each_and_others_are_told_why_not() {
    let mut rig = rig("");
    rig.press(": revoked");
    let effects = rig.press("Enter");
    assert_eq!(set(&effects), ("certificate", "bad:revoked"));
    let mut rig = Rig::new(World::five());
    assert_eq!(rig.press("S-Tab b"), []);
    assert!(rig.notice().contains("listeners over TLS"), "{}", rig.notice());
    rig.press(":");
    assert!(!labels(&rig).iter().any(|label| label.starts_with("bad:")));
}

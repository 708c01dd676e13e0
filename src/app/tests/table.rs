//! The table of actions, the footer and the palette.

use super::*;
use crate::app::form::Of;
use std::collections::HashMap;

#[test]
fn no_key_reaches_two_actions_in_one_place() {
    for place in Place::ALL {
        let mut taken: HashMap<Key, &Row> = HashMap::new();
        for row in place.reach().flat_map(keymap::rows) {
            for key in row.keys {
                if let Some(other) = taken.insert(*key, row) {
                    // Its own place may say the same more closely (Enter types to this socket).
                    assert_eq!(other.action, row.action, "{key} in {place:?}");
                }
            }
        }
    }
}

#[test]
fn every_row_says_what_it_does_in_a_word_and_a_sentence() {
    for row in ACTIONS {
        assert!(!row.keys.is_empty() && row.label.len() <= 10, "{row:?}");
        assert!(row.help.ends_with('.') && row.help.len() <= 72 && row.help.is_ascii(), "{row:?}");
    }
    assert!(keymap::markdown().contains("| `e` | Half-close: send FIN and keep reading. |"));
}

#[test]
fn the_footer_shows_only_what_can_be_done() {
    let mut rig = Rig::new(World::five().with(1, 1).with(2, 2));
    let footer = rig.footer();
    assert!(footer.starts_with("⏎ send  e end  x close  X reset"), "{footer}");
    assert!(!footer.contains("follow") && !footer.contains("Esc"), "{footer}");

    rig.world.life(1, Life::WeEnded);
    rig.look();
    assert!(!rig.footer().contains("e end") && rig.footer().contains("x close"), "{}", rig.footer());

    rig.press("Down");
    assert!(!rig.footer().contains("e end") && !rig.footer().contains("reset"), "UDP: {}", rig.footer());

    rig.press("S-Tab");
    let footer = rig.footer();
    assert!(footer.starts_with("⏎ sockets"), "{footer}");
    assert!(!footer.contains("x close"), "no socket is the subject: {footer}");

    rig.world.endpoints[0].state = State::Stopped;
    rig.look();
    assert!(rig.footer().contains("s start"), "{}", rig.footer());
}

#[test]
fn the_footer_without_anything_still_helps() {
    let rig = Rig::new(World::default());
    assert_eq!(rig.footer(), "a add  / filter  p pause  Tab pane  : commands  ? help  q quit  t hex  z zoom  C certs");
}

#[test]
fn what_the_footer_names_does_something() {
    for world in [World::default(), World::five(), World::five().with(1, 1), World::five().with(1, 2)] {
        for panes in 0..4 {
            let keys: Vec<_> = {
                let mut rig = Rig::new(world.clone());
                (0..panes).for_each(|_| drop(rig.press("Tab")));
                keymap::hints(&rig.app)
            };
            for (key, label) in keys {
                let mut rig = Rig::new(world.clone());
                (0..panes).for_each(|_| drop(rig.press("Tab")));
                rig.app.update(Msg::Key(key));
                assert_eq!(rig.app.notice, None, "{key} {label}");
            }
        }
    }
}

#[test]
fn a_key_that_cannot_act_says_why() {
    let mut rig = Rig::new(World::five().with(1, 2));
    for (key, reason) in [("e", "no FIN"), ("X", "no RST"), ("c", "no closed socket")] {
        assert_eq!(rig.press(key), []);
        assert!(rig.notice().contains(reason), "{key}: {}", rig.notice());
    }
    rig.press("Down");
    assert_eq!(rig.app.notice, None, "a notice stays until the next key");
}

#[test]
fn the_palette_finds_by_a_few_letters_and_does_as_the_key_would() {
    let mut rig = Rig::new(World::five().with(1, 1));
    rig.press(": reset");
    let Mode::Palette(palette) = &rig.app.mode else { panic!("{:?}", rig.app.mode) };
    assert_eq!(palette.found[0].row.action, Action::Reset);
    assert_eq!(palette.found[0].label_hits, [0, 1, 2, 3, 4]);
    assert_eq!(rig.press("Enter"), [Effect::Reset(SocketId(1))]);
    assert!(matches!(rig.app.mode, Mode::Browse));

    rig.press(": zzzzqqq");
    let Mode::Palette(palette) = &rig.app.mode else { panic!("{:?}", rig.app.mode) };
    assert!(palette.found.is_empty());
    assert_eq!(rig.press("Enter"), []);
    assert!(matches!(rig.app.mode, Mode::Browse));
}

#[test]
fn the_palette_finds_a_setting_and_opens_the_options_there() {
    let mut rig = Rig::new(World::five().with(1, 1));
    rig.press(": fram");
    let Mode::Palette(palette) = &rig.app.mode else { panic!("{:?}", rig.app.mode) };
    assert_eq!(palette.found[0].label, "framing");
    assert_eq!(rig.press("Enter"), []);
    let Mode::Form(form) = &rig.app.mode else { panic!("{:?}", rig.app.mode) };
    assert_eq!(form.at.label(), "framing");
    assert!(matches!(form.of, Of::Options(_)));
}

#[test]
fn the_palette_offers_only_what_can_be_done() {
    let mut rig = Rig::new(World::five().with(1, 2));
    rig.press(":");
    let Mode::Palette(palette) = &rig.app.mode else { panic!("{:?}", rig.app.mode) };
    let actions: Vec<_> = palette.found.iter().map(|found| found.row.action).collect();
    assert!(actions.contains(&Action::Close) && actions.contains(&Action::Compose), "{actions:?}");
    assert!(!actions.contains(&Action::End) && !actions.contains(&Action::Palette), "{actions:?}");
}

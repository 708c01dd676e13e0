//! Whatever is pressed, pasted and shown: nothing panics, and one always gets out.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Key(Key),
    Paste(String),
    World(u8, u8),
    Look,
    Viewport(Viewport),
    Told(u64, bool),
}

fn key() -> impl Strategy<Value = Key> {
    let known: Vec<Key> = ACTIONS.iter().flat_map(|row| row.keys).copied().collect();
    prop_oneof![
        6 => prop::sample::select(known),
        2 => any::<char>().prop_map(Key::Char),
        1 => prop::char::range('a', 'z').prop_map(Key::Ctrl),
        1 => any::<char>().prop_map(Key::Alt),
        1 => prop::sample::select(vec![Key::Backspace, Key::Delete, Key::CtrlLeft, Key::CtrlRight]),
    ]
}

fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => key().prop_map(Step::Key),
        1 => ".{0,20}".prop_map(Step::Paste),
        1 => any::<String>().prop_map(Step::Paste),
        3 => any::<(u8, u8)>().prop_map(|(what, which)| Step::World(what, which)),
        4 => Just(Step::Look),
        1 => (0usize..9, 0usize..9, 0usize..9, 0usize..9, 0usize..9).prop_map(|(endpoints, sockets, timeline, inspector, inspector_lines)| {
            Step::Viewport(Viewport { endpoints, sockets, timeline, inspector, inspector_lines, ..Viewport::default() })
        }),
        1 => (0u64..4, any::<bool>()).prop_map(|(ticket, good)| Step::Told(ticket, good)),
    ]
}

fn change(world: &mut World, what: u8, which: u8) {
    let at = |len: usize| which as usize % len.max(1);
    match what % 7 {
        0 if !world.endpoints.is_empty() => {
            let row = socket(
                world.sockets.len() as u32 + 100 + u32::from(which),
                &world.endpoints[at(world.endpoints.len())],
            );
            world.sockets.push(row);
        }
        1 if !world.sockets.is_empty() => drop(world.sockets.remove(at(world.sockets.len()))),
        2 if !world.sockets.is_empty() => {
            let at = at(world.sockets.len());
            world.sockets[at].life = Life::from_code(which % 10);
        }
        3 if !world.endpoints.is_empty() => drop(world.endpoints.remove(at(world.endpoints.len()))),
        4 => world.events.end += u64::from(which),
        5 => world.events.start = (world.events.start + u64::from(which)).min(world.events.end),
        _ => world.now += u64::from(which) * 100_000_000,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_escape_leads_out(steps in prop::collection::vec(a_step(), 0..80)) {
        let mut rig = Rig::new(World::five().with(1, 1).with(2, 2).with(3, 3).with(4, 4).with(5, 5));
        for step in steps {
            match step {
                Step::Key(key) => drop(rig.app.update(Msg::Key(key))),
                Step::Paste(text) => drop(rig.app.update(Msg::Paste(text))),
                Step::World(what, which) => change(&mut rig.world, what, which),
                Step::Look => rig.look(),
                Step::Viewport(viewport) => drop(rig.app.update(Msg::Viewport(viewport))),
                Step::Told(ticket, true) => drop(rig.app.update(Msg::Sent { ticket, text: "sent".into() })),
                Step::Told(ticket, false) => drop(rig.app.update(Msg::Refused { ticket, reason: "no".into() })),
            }
            // What the screen reads at every frame.
            let _ = (keymap::hints(&rig.app), rig.app.query(), rig.app.audience(), rig.app.composer.preview());
            let _ = (rig.app.cursor(), rig.app.next_change(rig.app.seen()));
            let texts = [&rig.app.composer.editor, &rig.app.filter];
            prop_assert!(texts.iter().all(|editor| !editor.text().contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t'))));
        }
        let mut other = rig.app.clone();
        prop_assert_eq!(other.update(Msg::Key(Key::Ctrl('c'))), [Effect::Quit]);
        for _ in 0..3 {
            rig.app.update(Msg::Key(Key::Esc));
        }
        prop_assert_eq!(rig.app.update(Msg::Key(Key::Char('q'))), [Effect::Quit]);
    }
}

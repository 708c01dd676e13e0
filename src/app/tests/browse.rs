//! The dashboard: selections, the timeline's cursor, pause, and what the keys ask for.

use std::time::Duration;

use super::*;
use crate::model::url::Scheme;

fn many(n: u32) -> World {
    (1..=n).fold(World::five(), |world, id| world.with(id, 1))
}

fn selected(rig: &Rig) -> Option<u32> {
    rig.app.lists.socket.map(|id| id.0)
}

#[test]
fn keys_ask_for_what_they_say() {
    let tcp = EndpointId(1);
    let cases: &[(&str, &[Effect])] = &[
        ("q", &[Effect::Quit]),
        ("^c", &[Effect::Quit]),
        ("^z", &[Effect::Suspend]),
        ("e", &[Effect::End(SocketId(1))]),
        ("x", &[Effect::Close(SocketId(1))]),
        ("X", &[Effect::Reset(SocketId(1))]),
        ("j x", &[Effect::Close(SocketId(2))]),
        ("s", &[Effect::Stop(tcp)]),
        ("r", &[Effect::Start(tcp)]),
        ("D", &[]),
        ("D y", &[Effect::Remove(tcp)]),
        ("D n", &[]),
        ("S-Tab j s", &[Effect::Stop(EndpointId(2))]),
        ("S-Tab G D", &[Effect::Remove(EndpointId(5))]),
        ("c", &[]),
    ];
    for (keys, want) in cases {
        assert_eq!(Rig::new(many(3)).press(keys), *want, "{keys}");
    }
}

#[test]
fn a_stopped_or_failed_endpoint_is_started_by_s() {
    let mut rig = Rig::new(many(1));
    rig.world.endpoints[0].state = State::Stopped;
    rig.look();
    assert_eq!(rig.press("s"), [Effect::Start(EndpointId(1))]);
}

#[test]
fn the_question_names_what_it_closes() {
    let mut rig = Rig::new(many(3));
    rig.press("D");
    let Mode::Confirm(question) = &rig.app.mode else { panic!("{:?}", rig.app.mode) };
    assert_eq!(question.text, "Remove tcp 127.0.0.1:8124 and close its 3 open sockets?");
}

#[test]
fn the_first_socket_that_comes_is_selected_and_its_timeline_shown() {
    let mut rig = Rig::new(World::five());
    assert_eq!(rig.app.subject(), None);
    rig.world = rig.world.with(7, 1);
    rig.look();
    assert_eq!(rig.app.subject(), Some(Subject::Socket(SocketId(7))));
    assert_eq!(rig.app.cursor(), Some(9));
}

#[test]
fn a_selection_stays_when_rows_move_and_goes_to_the_neighbour_when_it_vanishes() {
    let mut rig = Rig::new(many(5));
    rig.press("j j");
    rig.world.sockets.remove(0);
    rig.look();
    assert_eq!(selected(&rig), Some(3));
    rig.world.sockets.retain(|row| row.id.0 != 3);
    rig.look();
    assert_eq!(selected(&rig), Some(4), "the row that took its place");
    rig.world.sockets.retain(|row| row.id.0 < 4);
    rig.look();
    assert_eq!(selected(&rig), Some(2), "the row above, at the end of the list");
    rig.world.sockets.clear();
    rig.look();
    assert_eq!(selected(&rig), None);
}

#[test]
fn in_a_long_list_a_vanished_selection_does_not_jump_to_the_top() {
    let mut rig = Rig::new(many(1000));
    (0..20).for_each(|_| drop(rig.press("PgDn PgDn")));
    let before = selected(&rig).unwrap();
    assert!(before > 50);
    rig.world.sockets.retain(|row| row.id.0 != before);
    rig.look();
    assert_eq!(selected(&rig), Some(before + 1));
}

#[test]
fn the_list_scrolls_no_more_than_it_must() {
    let mut rig = Rig::new(many(100));
    rig.press("j j j");
    assert_eq!(rig.app.lists.socket_top, 0);
    rig.press("j");
    assert_eq!(rig.app.lists.socket_top, 1);
    rig.press("k k");
    assert_eq!(rig.app.lists.socket_top, 1);
    rig.press("End");
    assert_eq!((selected(&rig), rig.app.lists.socket_top), (Some(100), 96));
    rig.press("Home");
    assert_eq!((selected(&rig), rig.app.lists.socket_top), (Some(1), 0));
}

#[test]
fn the_subject_is_of_the_list_that_had_the_focus_last() {
    let mut rig = Rig::new(many(2));
    rig.press("S-Tab");
    assert_eq!(rig.app.subject(), Some(Subject::Endpoint(EndpointId(1))));
    rig.press("Right");
    assert_eq!(rig.app.focus, Pane::Timeline);
    assert_eq!(rig.app.subject(), Some(Subject::Endpoint(EndpointId(1))));
    rig.press("Left Tab Tab Tab");
    assert_eq!(rig.app.focus, Pane::Inspector);
    assert_eq!(rig.app.subject(), Some(Subject::Socket(SocketId(1))));
}

#[test]
fn enter_on_an_endpoint_lists_its_sockets_alone() {
    let mut rig = Rig::new(World::five().with(1, 1).with(2, 4));
    rig.press("S-Tab G k Enter");
    assert_eq!((rig.app.lists.only, rig.app.focus), (Some(EndpointId(4)), Pane::Sockets));
    assert_eq!(selected(&rig), Some(2));
    rig.press("Esc");
    assert_eq!(rig.app.lists.only, None);
}

#[test]
fn escape_leaves_one_thing_at_a_time() {
    let mut rig = Rig::new(many(2));
    rig.press("S-Tab Enter / tcp Enter z");
    assert!(rig.app.zoomed);
    rig.press("Esc");
    assert!(!rig.app.zoomed && !rig.app.filter.is_empty());
    rig.press("Esc");
    assert!(rig.app.filter.is_empty() && rig.app.lists.only.is_some());
    rig.press("Esc");
    assert_eq!(rig.app.lists.only, None);
}

#[test]
fn a_filter_acts_while_it_is_typed() {
    let mut rig = Rig::new(World::five().with(1, 1).with(2, 4));
    rig.press("/ ws");
    assert_eq!((rig.app.query().list.filter.as_str(), selected(&rig)), ("ws", Some(2)));
    rig.press("Enter");
    assert_eq!(rig.app.place(), Place::Pane(Pane::Sockets));
    assert_eq!(rig.app.query().list.filter, "ws");
    rig.press("/ Esc");
    assert_eq!(rig.app.query().list.filter, "");
}

#[test]
fn behind_a_filter_a_row_that_it_shows_is_selected() {
    // More than a window holds, on either side of the filter.
    let mut world = World::five();
    for id in 1..400 {
        world = world.with(id, if id % 2 == 0 { 4 } else { 1 });
    }
    let mut rig = Rig::new(world);
    rig.press("End");
    assert_eq!(selected(&rig), Some(399));
    for key in [Key::Char('/'), Key::Char('w'), Key::Char('s'), Key::Enter] {
        rig.app.update(Msg::Key(key));
    }
    // One frame: nobody draws a second one while nothing happens.
    let picture = rig.app.picture(rig.world.answer(&rig.app.query()));
    rig.app.update(Msg::Saw(Arc::new(picture)));
    assert!(rig.app.seen().sockets.total == 199 && rig.app.socket().is_some_and(|row| row.scheme == Scheme::Ws));
}

#[test]
fn a_handshake_is_looked_at_where_there_is_one() {
    let mut rig = Rig::new(World::five().with(1, 1).with(2, 5));
    rig.press("H");
    assert_eq!(
        (rig.app.place(), rig.notice()),
        (Place::Pane(Pane::Sockets), "no TLS handshake has begun on what is selected")
    );
    assert!(!rig.footer().contains("H handshake"), "{}", rig.footer());
    rig.press("Down");
    rig.world.handshake = Some(Handshake::default());
    rig.look();
    assert!(rig.footer().contains("H handshake"), "{}", rig.footer());
    rig.app.update(Msg::Viewport(Viewport { overlay: 20, overlay_lines: 50, ..rig.app.viewport }));
    let scroll = |rig: &Rig| match rig.app.mode {
        Mode::Handshake { scroll } => scroll,
        _ => panic!("{:?}", rig.app.mode),
    };
    rig.press("H End");
    assert_eq!(scroll(&rig), 30, "the last page is the end");
    rig.press("Up PgUp");
    assert_eq!(scroll(&rig), 10);
    rig.press("H");
    assert_eq!(rig.app.place(), Place::Pane(Pane::Sockets));
}

#[test]
fn following_shows_the_newest() {
    let mut rig = Rig::new(many(1));
    assert_eq!(rig.app.query().window, Some(Window::Last { rows: 5 }));
    assert_eq!(rig.app.query().inspect, Some(u64::MAX));
    rig.world.events = 0..20;
    rig.look();
    assert_eq!((rig.app.cursor(), rig.app.follow()), (Some(19), Follow::Following));
}

#[test]
fn an_anchored_timeline_stands_still_while_events_come_and_go() {
    let mut rig = Rig::new(many(1));
    rig.press("Tab Up Up");
    let query = rig.app.query();
    assert_eq!((query.window, query.inspect), (Some(Window::From { seq: 5, rows: 5 }), Some(7)));
    assert_eq!(rig.app.follow(), Follow::Anchored);
    rig.world.events = 3..500;
    rig.look();
    assert_eq!(rig.app.query(), query);
    rig.world.events = 6..900;
    rig.look();
    assert_eq!(rig.app.query().window, Some(Window::From { seq: 6, rows: 5 }), "what was dropped cannot be shown");
    rig.world.events = 100..900;
    rig.look();
    assert_eq!(rig.app.cursor(), Some(100));
    rig.press("Home PgDn");
    assert_eq!(rig.app.cursor(), Some(104));
    rig.press("End");
    assert_eq!((rig.app.follow(), rig.app.cursor()), (Follow::Following, Some(899)));
    rig.press("Up f");
    assert_eq!(rig.app.follow(), Follow::Following);
}

#[test]
fn another_subject_is_followed_again() {
    let mut rig = Rig::new(many(2));
    rig.press("Tab Up Up Left j");
    assert_eq!(rig.app.follow(), Follow::Following);
}

#[test]
fn inspecting_an_event_keeps_it() {
    let mut rig = Rig::new(many(1));
    rig.press("Tab Enter");
    assert_eq!((rig.app.focus, rig.app.follow()), (Pane::Inspector, Follow::Anchored));
    rig.world.events = 0..50;
    rig.look();
    assert_eq!(rig.app.cursor(), Some(9));
    rig.press("[");
    assert_eq!(rig.app.cursor(), Some(8));
    rig.press("j j");
    assert_eq!(rig.app.inspector_top, 2);
    rig.press("]");
    assert_eq!(rig.app.inspector_top, 0);
}

#[test]
fn a_pause_freezes_lists_and_counters_but_not_the_eye() {
    let mut rig = Rig::new(many(100));
    rig.world.now = 10;
    rig.app.update(Msg::Key(Key::Char('p')));
    assert_eq!(rig.app.query().list.rows, 500);
    rig.look();
    assert_eq!(rig.app.query().until, Some(Stamp(10)));

    rig.world.now = 20;
    rig.world.sockets.clear();
    rig.world.events = 0..50;
    rig.look();
    assert_eq!(rig.app.seen().sockets.total, 100);
    assert_eq!(rig.app.cursor(), Some(9), "nothing later than the pause");
    rig.press("G");
    assert_eq!(selected(&rig), Some(100));
    assert_eq!(rig.app.seen().socket.as_ref().map(|row| row.id), Some(SocketId(100)));
    rig.press("/");
    assert!(rig.notice().contains("frozen"), "{}", rig.notice());
    assert_eq!((rig.app.follow(), rig.app.next_change(rig.app.seen())), (Follow::Paused, None));

    rig.press("p");
    assert_eq!((rig.app.follow(), selected(&rig)), (Follow::Following, None));
}

#[test]
fn f_ends_a_pause() {
    let mut rig = Rig::new(many(1));
    rig.press("p f");
    assert_eq!(rig.app.follow(), Follow::Following);
}

#[test]
fn the_screen_changes_by_itself_only_when_a_text_does() {
    let mut rig = Rig::new(World::five());
    rig.world.now = 90_250_000_000;
    rig.look();
    let next = |rig: &Rig| rig.app.next_change(rig.app.seen()).map(|time| time.as_millis());
    assert_eq!(next(&rig), Some(29_750), "the uptime's minutes");

    rig.world = rig.world.with(1, 1);
    rig.world.sockets[0].opened = Stamp(90_000_000_000);
    rig.look();
    assert_eq!(next(&rig), Some(750), "an age in seconds");

    rig.world.life(1, Life::Closed);
    rig.look();
    assert_eq!(next(&rig), Some(29_750), "a closed socket does not age");

    rig.world.endpoints[0].spark[3] = 1;
    rig.look();
    assert_eq!(rig.app.next_change(rig.app.seen()), Some(Duration::from_millis(750)), "a sparkline runs");
}

#[test]
fn a_paste_is_never_taken_as_keys() {
    let mut rig = Rig::new(many(1));
    assert_eq!(rig.app.update(Msg::Paste("q".into())), []);
    assert!(rig.notice().contains("send panel"));
}

#[test]
fn a_zoom_moves_nothing_that_it_hides() {
    let mut rig = Rig::new(many(100));
    rig.press("j j j j j k Tab Up Up");
    let (top, query) = (rig.app.lists.socket_top, rig.app.query());
    let shown = rig.app.viewport;
    rig.app.update(Msg::Viewport(Viewport { inspector: 20, ..Viewport::default() }));
    rig.look();
    rig.app.update(Msg::Viewport(shown));
    rig.look();
    assert_eq!((rig.app.lists.socket_top, rig.app.query()), (top, query));
}

#[test]
fn in_a_program_that_runs_for_hours_the_uptime_moves_by_the_hour() {
    let mut rig = Rig::new(World::five());
    for (seconds, want) in [(0, 60), (59, 1), (60, 60), (3_599, 1), (3_600, 3_600)] {
        rig.world.now = seconds * 1_000_000_000;
        rig.look();
        assert_eq!(rig.app.next_change(rig.app.seen()), Some(Duration::from_secs(want)), "{seconds}");
    }
}

#[test]
fn a_request_is_copied_from_any_event_of_its_exchange() {
    let mut rig = Rig::new(many(1).with(7, 3));
    assert_eq!(rig.press("y"), []);
    assert!(rig.app.refusal(Action::Curl).is_some(), "no exchange is there");
    rig.press("j");
    let told = std::sync::Arc::make_mut(&mut rig.app.seen).timeline.as_mut().unwrap();
    for event in &mut told.events {
        event.kind = Kind::Continue { way: crate::model::event::Way::Out, exchange: 4 };
    }
    let copies: Vec<_> = rig.app.update(Msg::Key(Key::Char('y')));
    assert_eq!(copies, [Effect::Curl(SocketId(7), 4)]);
}

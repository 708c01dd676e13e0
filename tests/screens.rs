//! Whole screens from fixed data, at three sizes: what a person sees, held still.

mod support;

use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Rect;
use sockscope::app::{App, Key, Msg, Pane};
use sockscope::model::draft::Draft;
use sockscope::model::view::Snapshot;
use sockscope::model::workbench::{Outcome, Refusal, Shelf, Told};
use sockscope::screen::theme::Depth;
use sockscope::screen::{self, Theme};
use support::fixture;
use support::runner::Shown;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

/// An app before a picture that stands still.
struct Look {
    app: App,
    picture: Snapshot,
    size: (u16, u16),
}

impl Look {
    fn at(size: (u16, u16), picture: Snapshot) -> Self {
        let history = vec![Draft { text: "hello again".into(), ..Draft::default() }];
        let mut look = Self { app: App::new(history), picture, size };
        look.see();
        look
    }

    /// As the loop does it before each frame; twice, for the first may move the selection.
    fn see(&mut self) -> Snapshot {
        let area = Rect::new(0, 0, self.size.0, self.size.1);
        self.app.update(Msg::Viewport(screen::viewport(&self.app, area)));
        self.app.update(Msg::Saw(Arc::new(self.picture.clone())));
        let mut told = fixture::told(&self.picture, self.app.subject());
        self.app.update(Msg::Saw(Arc::new(told.clone())));
        if let Some(seq) = self.app.cursor() {
            told = fixture::inspecting(&told, usize::try_from(seq).unwrap());
            self.app.update(Msg::Saw(Arc::new(told.clone())));
        }
        told
    }

    fn press(mut self, keys: &[Key]) -> Self {
        for key in keys {
            self.app.update(Msg::Key(*key));
            self.see();
        }
        self
    }

    fn text(self, text: &str) -> Self {
        self.press(&text.chars().map(Key::Char).collect::<Vec<_>>())
    }

    fn draw(mut self) -> String {
        let picture = self.see();
        let mut terminal = Terminal::new(TestBackend::new(self.size.0, self.size.1)).unwrap();
        let theme = Theme::new(Depth::True);
        terminal.draw(|frame| screen::draw(&self.app, &picture, &theme, frame)).unwrap();
        let backend = terminal.backend();
        let cursor = backend.cursor_visible().then(|| backend.cursor_position());
        let shown = Shown { buffer: backend.buffer().clone(), cursor, ..Shown::default() };
        let rows: Vec<_> = shown.rows().iter().map(|row| row.trim_end().to_owned()).collect();
        let cursor = cursor.map_or("no cursor".into(), |at| format!("cursor at {},{}", at.x, at.y));
        format!("{}\n({cursor})", rows.join("\n"))
    }
}

/// One picture of each size.
fn hold(name: &str, picture: fn() -> Snapshot, does: fn(Look) -> Look) {
    for size in SIZES {
        let drawn = does(Look::at(size, picture())).draw();
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), drawn);
    }
}

#[test]
fn the_dashboard() {
    hold("dashboard", fixture::busy, |look| look);
}

#[test]
fn the_dashboard_before_anything_runs() {
    hold("empty", fixture::empty, |look| look);
}

#[test]
fn an_endpoints_own_timeline() {
    hold("endpoint", fixture::busy, |look| look.press(&[Key::BackTab]));
}

#[test]
fn an_event_in_hex() {
    hold("hex", fixture::busy, |look| {
        let look = look.press(&[Key::Tab, Key::Up, Key::Enter, Key::Char('t')]);
        assert_eq!(look.app.focus, Pane::Inspector);
        look
    });
}

#[test]
fn json_laid_out() {
    hold("json", fixture::busy, |look| look.press(&[Key::Tab, Key::Home, Key::Down, Key::Down, Key::Down, Key::Down]));
}

#[test]
fn a_draft_in_the_send_panel() {
    hold("composing", fixture::busy, |look| {
        look.press(&[Key::Char('i')]).text("你好\\n").press(&[Key::Tab, Key::BackTab, Key::BackTab])
    });
}

#[test]
fn a_draft_that_cannot_be_sent() {
    hold("refused", fixture::busy, |look| {
        look.press(&[Key::Char('i'), Key::Tab, Key::Tab]).text("68 6g").press(&[Key::Enter])
    });
}

#[test]
fn the_search_in_what_was_sent() {
    hold("history", fixture::busy, |look| look.press(&[Key::Char('i'), Key::Ctrl('r')]).text("again"));
}

#[test]
fn the_form() {
    hold("form", fixture::busy, |look| look.press(&[Key::Char('a'), Key::Tab, Key::Right, Key::Right]));
}

#[test]
fn the_form_with_a_mistake() {
    hold("form_mistake", fixture::busy, |look| {
        look.press(&[Key::Char('a'), Key::Ctrl('a'), Key::Ctrl('k')]).text("tpc://:9").press(&[Key::Enter])
    });
}

#[test]
fn the_palette() {
    hold("palette", fixture::busy, |look| look.press(&[Key::Char(':')]).text("clo"));
}

#[test]
fn the_palette_ends_with_the_whole_sentence_of_what_is_chosen() {
    let drawn = Look::at(SIZES[0], fixture::busy()).press(&[Key::Char(':')]).text("nodel").draw();
    assert!(drawn.contains("(TCP_NODELAY); no is Nagle's algorithm"), "{drawn}");
}

#[test]
fn the_help() {
    hold("help", fixture::busy, |look| look.press(&[Key::Char('?')]));
}

#[test]
fn a_handshake_that_failed() {
    hold("handshake", fixture::busy, |look| look.press(&[Key::Down; 4]).text("H"));
}

#[test]
fn exchanges_wait_in_sight() {
    hold("waiting", fixture::waiting, |look| look.press(&[Key::Down, Key::Down]));
}

#[test]
fn the_waiting_list() {
    hold("waiting_list", fixture::waiting, |look| look.press(&[Key::Char('w'), Key::Down]));
}

#[test]
fn the_send_panel_of_an_exchange() {
    hold("answer", fixture::waiting, |look| look.press(&[Key::Down, Key::Down, Key::Char('i')]));
}

#[test]
fn a_question() {
    hold("question", fixture::busy, |look| look.press(&[Key::Char('D')]));
}

#[test]
fn the_filter() {
    hold("filter", fixture::busy, |look| look.press(&[Key::Char('/')]).text("tcp open"));
}

/// The certificates' screen over a store that stands still.
fn bench(look: Look) -> Look {
    let mut look = look.press(&[Key::Char('C')]);
    let told = Told { ticket: 1, outcome: Outcome::Looked, shelf: fixture::shelf() };
    look.app.update(Msg::Told(Box::new(told)));
    look.press(&[Key::Down, Key::Down])
}

#[test]
fn the_certificates() {
    hold("certificates", fixture::busy, bench);
}

#[test]
fn the_certificates_before_there_is_one() {
    hold("certificates_empty", fixture::busy, |look| {
        let mut look = look.press(&[Key::Char('C')]);
        let shelf = Shelf { folder: "/home/me/.local/share/sockscope/certs".into(), ..Shelf::default() };
        look.app.update(Msg::Told(Box::new(Told { ticket: 1, outcome: Outcome::Looked, shelf })));
        look
    });
}

#[test]
fn the_form_of_a_certificate_with_a_mistake() {
    hold("certificates_form", fixture::busy, |look| {
        let look = bench(look).press(&[Key::Char('n'), Key::Tab, Key::Tab]).text("0");
        let mut look = look.press(&[Key::Enter]);
        let refusal = Refusal {
            text:
                "the certificate would outlive its CA, which ends 2027-02-21 12:00:00 UTC: ask for 90 days at the most"
                    .into(),
            option: Some("days".into()),
            is_taken: false,
        };
        let told = Told { ticket: 2, outcome: Outcome::Refused(refusal), shelf: fixture::shelf() };
        look.app.update(Msg::Told(Box::new(told)));
        look
    });
}

#[test]
fn a_verdict_on_a_chain() {
    hold("certificates_verdict", fixture::busy, |look| {
        let mut look = bench(look).press(&[Key::Char('v'), Key::Enter]);
        let text = "CN=old.test expired 3 days ago (2026-11-19 12:00:00 UTC)".into();
        let refusal = Refusal { text, option: None, is_taken: false };
        let told = Told { ticket: 2, outcome: Outcome::Refused(refusal), shelf: fixture::shelf() };
        look.app.update(Msg::Told(Box::new(told)));
        look
    });
}

#[test]
fn the_question_before_a_private_key() {
    hold("certificates_question", fixture::busy, |look| bench(look).press(&[Key::Char('P')]));
}

#[test]
fn a_screen_that_is_too_small_says_so() {
    let drawn = Look::at((40, 10), fixture::busy()).draw();
    insta::assert_snapshot!("too_small_40x10", drawn);
}

/// The sizes between and beyond: nothing panics, and what is too small says so.
#[test]
fn every_size_is_drawn() {
    for columns in (1..=240).step_by(17) {
        for rows in (1..=80).step_by(7) {
            for keys in
                [&[][..], &[Key::Char('?')], &[Key::Char('a')], &[Key::Char(':')], &[Key::Char('i')], &[Key::Char('C')]]
            {
                let drawn = Look::at((columns, rows), fixture::busy()).press(keys).draw();
                assert!(columns < 20 || drawn.contains("sockscope"), "{columns}x{rows}\n{drawn}");
            }
        }
    }
}

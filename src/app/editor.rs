//! A text one types: one line or several, with undo. The only file that names the editing library.
//!
//! Knows nothing of what the text means. Control characters never get in: whoever pastes them says
//! what they become.

use ratatui_textarea::{CursorMove, Input, Key as Typed, TextArea};

use super::key::Key;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lines {
    One,
    Many,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Editor {
    area: TextArea<'static>,
    lines: Lines,
}

impl Editor {
    /// A line: Enter means nothing, a pasted line end becomes a space.
    pub fn single() -> Self {
        Self { area: TextArea::default(), lines: Lines::One }
    }

    pub fn multi() -> Self {
        Self { area: TextArea::default(), lines: Lines::Many }
    }

    /// With a text, the cursor behind it.
    pub fn with(mut self, text: &str) -> Self {
        self.set(text);
        self
    }

    /// A key as text or as an editing command. Whether it was one.
    pub fn input(&mut self, key: Key) -> bool {
        if key == Key::Ctrl('u') {
            // As in every shell: from the start of the line to the cursor.
            self.area.delete_line_by_head();
            return true;
        }
        let Some(input) = translate(key) else { return false };
        if self.lines == Lines::One && input.key == Typed::Enter {
            return false;
        }
        self.area.input(input);
        true
    }

    /// Puts text at the cursor. What this editor cannot hold becomes spaces.
    pub fn insert(&mut self, text: &str) {
        self.area.insert_str(self.fit(text));
    }

    /// Replaces all, the cursor behind it.
    pub fn set(&mut self, text: &str) {
        self.area = TextArea::new(self.fit(text).split('\n').map(str::to_owned).collect());
        self.area.move_cursor(CursorMove::Bottom);
        self.area.move_cursor(CursorMove::End);
    }

    /// Replaces all, the cursor between the two parts.
    pub fn set_around(&mut self, before: &str, after: &str) {
        self.set(before);
        let (row, column) = self.cursor();
        self.insert(after);
        let to = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        self.area.move_cursor(CursorMove::Jump(to(row), to(column)));
    }

    pub fn clear(&mut self) {
        self.set("");
    }

    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// At least one.
    pub fn lines(&self) -> &[String] {
        self.area.lines()
    }

    /// Line and column, from 0; the column counts characters, not cells or bytes.
    pub fn cursor(&self) -> (usize, usize) {
        let at = self.area.cursor();
        (at.0, at.1)
    }

    pub fn is_empty(&self) -> bool {
        self.area.is_empty()
    }

    /// The text on both sides of the cursor.
    pub fn halves(&self) -> (String, String) {
        let (row, column) = self.cursor();
        let text = self.text();
        let before: usize = self.lines().iter().take(row).map(|line| line.len() + 1).sum();
        let line = self.lines().get(row).map_or("", String::as_str);
        let at = before + line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
        let (before, after) = text.split_at(at.min(text.len()));
        (before.to_owned(), after.to_owned())
    }

    fn fit(&self, text: &str) -> String {
        let keep = |c: char| !c.is_control() || (self.lines == Lines::Many && matches!(c, '\n' | '\t'));
        text.chars().map(|c| if keep(c) { c } else { ' ' }).collect()
    }
}

fn translate(key: Key) -> Option<Input> {
    let plain = |key| Some(Input { key, ..Input::default() });
    match key {
        Key::Char(c) if c.is_control() => None,
        Key::Char(c) => plain(Typed::Char(c)),
        // Only letters: the library reads Ctrl-M as Enter, and knows no others.
        Key::Ctrl(c) if c.is_ascii_lowercase() && c != 'm' => {
            Some(Input { key: Typed::Char(c), ctrl: true, ..Input::default() })
        }
        Key::Alt(c) if !c.is_control() => Some(Input { key: Typed::Char(c), alt: true, ..Input::default() }),
        Key::Enter | Key::AltEnter => plain(Typed::Enter),
        Key::Backspace => plain(Typed::Backspace),
        Key::Delete => plain(Typed::Delete),
        Key::Up => plain(Typed::Up),
        Key::Down => plain(Typed::Down),
        Key::Left => plain(Typed::Left),
        Key::Right => plain(Typed::Right),
        Key::CtrlLeft => Some(Input { key: Typed::Left, ctrl: true, ..Input::default() }),
        Key::CtrlRight => Some(Input { key: Typed::Right, ctrl: true, ..Input::default() }),
        Key::Home => plain(Typed::Home),
        Key::End => plain(Typed::End),
        Key::Ctrl(_) | Key::Alt(_) | Key::Esc | Key::Tab | Key::BackTab | Key::PageUp | Key::PageDown => None,
    }
}

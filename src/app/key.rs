//! A key as the app knows it: no terminal library, comparable, printable.

use std::fmt;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Key {
    /// A character as typed: `X` is Shift-x.
    Char(char),
    Ctrl(char),
    Alt(char),
    Enter,
    AltEnter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    CtrlLeft,
    CtrlRight,
    PageUp,
    PageDown,
    Home,
    End,
}

impl fmt::Display for Key {
    /// As the footer writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Char(' ') => f.write_str("Space"),
            Self::Char(c) => write!(f, "{c}"),
            Self::Ctrl(c) => write!(f, "^{}", c.to_ascii_uppercase()),
            Self::Alt(c) => write!(f, "M-{c}"),
            Self::Enter => f.write_str("⏎"),
            Self::AltEnter => f.write_str("M-⏎"),
            Self::Esc => f.write_str("Esc"),
            Self::Tab => f.write_str("Tab"),
            Self::BackTab => f.write_str("S-Tab"),
            Self::Backspace => f.write_str("⌫"),
            Self::Delete => f.write_str("Del"),
            Self::Up => f.write_str("↑"),
            Self::Down => f.write_str("↓"),
            Self::Left => f.write_str("←"),
            Self::Right => f.write_str("→"),
            Self::CtrlLeft => f.write_str("^←"),
            Self::CtrlRight => f.write_str("^→"),
            Self::PageUp => f.write_str("PgUp"),
            Self::PageDown => f.write_str("PgDn"),
            Self::Home => f.write_str("Home"),
            Self::End => f.write_str("End"),
        }
    }
}

//! Pixels. [`draw`] is a pure function of the app, the snapshot and the theme.
//!
//! Reads the app and the snapshot, and draws. No hub, no net, no clock, no I/O, no state: a frame costs
//! the rows it shows. What came from a network passes [`bytes`] first, always.

pub mod areas;
pub mod bytes;
pub mod cells;
pub mod certificates;
pub mod composer;
pub mod datagram;
pub mod detail;
pub mod endpoints;
pub mod facts;
pub mod field;
pub mod footer;
pub mod framed;
mod h2;
pub mod handshake;
pub mod header;
pub mod help;
mod history;
pub mod inspector;
pub mod json;
pub mod overlay;
pub mod packets;
pub mod sockets;
pub mod tally;
pub mod theme;
pub mod timeline;
pub mod tls;
pub mod waiting;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod pictures;
#[cfg(test)]
pub(crate) mod sample;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

pub use self::areas::viewport;
use self::areas::{Areas, LEAST, areas};
pub use self::theme::Theme;
use crate::app::{App, Mode, Pane};
use crate::model::view::Snapshot;

/// Draws one frame.
pub fn draw(app: &App, snapshot: &Snapshot, theme: &Theme, frame: &mut Frame<'_>) {
    let size = frame.area();
    if size.width < LEAST.0 || size.height < LEAST.1 {
        return small(size, frame.buffer_mut(), theme);
    }
    let at = areas(app, size);
    let buf = frame.buffer_mut();
    header::draw(buf, at.header, snapshot, app.follow(), theme);
    panes(app, snapshot, &at, buf, theme);
    let typed = composer::draw(app, at.send, buf, theme);
    let asked = footer::draw(app, at.footer, buf, theme);
    let laid = lay(app, at.over(), buf, theme);
    let cursor = match app.mode {
        Mode::Compose => typed,
        _ => asked.or(laid),
    };
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
}

fn panes(app: &App, snapshot: &Snapshot, at: &Areas, buf: &mut Buffer, theme: &Theme) {
    let browsing = matches!(app.mode, Mode::Browse | Mode::Filter);
    let focused = |pane| browsing && app.focus == pane;
    let lists = &app.lists;
    if !at.endpoints.is_empty() {
        let view = endpoints::View {
            selected: lists.endpoint.filter(|_| app.focus == Pane::Endpoints),
            top: lists.endpoint_top,
            focused: focused(Pane::Endpoints),
            narrowed: lists.only,
        };
        endpoints::draw(buf, at.endpoints, snapshot, view, theme);
    }
    if !at.sockets.is_empty() {
        let filter = app.filter.text();
        let view = sockets::View {
            selected: lists.socket,
            top: lists.socket_top,
            focused: focused(Pane::Sockets),
            filter: &filter,
            narrowed: lists.only,
        };
        sockets::draw(buf, at.sockets, snapshot, view, theme);
    }
    if !at.timeline.is_empty() {
        let view = timeline::View { selected: app.cursor(), focused: focused(Pane::Timeline) };
        timeline::draw(buf, at.timeline, snapshot, view, theme);
    }
    if !at.inspector.is_empty() {
        let view = inspector::View { lens: app.lens, scroll: app.inspector_top, focused: focused(Pane::Inspector) };
        inspector::draw(buf, at.inspector, snapshot, view, theme);
    }
}

/// What lies over the dashboard, and its cursor.
fn lay(app: &App, area: Rect, buf: &mut Buffer, theme: &Theme) -> Option<Position> {
    match &app.mode {
        Mode::Form(form) => overlay::form(form, area, buf, theme),
        Mode::Palette(palette) => Some(overlay::palette(palette, area, buf, theme)),
        Mode::History(search) => Some(overlay::history(search, area, buf, theme)),
        Mode::Confirm(question) => {
            overlay::confirm(question, area, buf, theme);
            None
        }
        Mode::Help { scroll, .. } => {
            help::draw(*scroll, area, buf, theme);
            None
        }
        Mode::Handshake { scroll } => {
            handshake::draw(app.seen(), *scroll, area, buf, theme);
            None
        }
        Mode::Waiting(at) => {
            waiting::draw(app.seen(), *at, area, buf, theme);
            None
        }
        Mode::Workbench => certificates::draw(app, area, buf, theme),
        Mode::Browse | Mode::Compose | Mode::Filter | Mode::Address(_) => None,
    }
}

/// A screen too small for the panes says so, and what it needs.
fn small(size: Rect, buf: &mut Buffer, theme: &Theme) {
    let lines = [
        "sockscope needs more room".to_owned(),
        format!("{} x {} at least, this is {} x {}", LEAST.0, LEAST.1, size.width, size.height),
        "q quits".to_owned(),
    ];
    for (line, y) in lines.iter().zip(size.y..size.bottom()) {
        cells::left(buf, size.x, y, size.width, line, theme.plain);
    }
}

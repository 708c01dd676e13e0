//! Where the panes are. One function of the size and of what the person does; drawing and scrolling both
//! ask it, so they cannot disagree.
//!
//! ```text
//!  header
//!  endpoints | timeline
//!  sockets   | inspector
//!  send
//!  footer
//! ```

use ratatui::layout::Rect;

use super::{handshake, inspector};
use crate::app::{App, Mode, Pane, Viewport};

/// Below this a border would break: the screen says so in a sentence.
pub const LEAST: (u16, u16) = (72, 16);

/// Borders above and below a pane's content.
const FRAME: u16 = 2;
/// The lines of a draft that the send panel grows to.
const DRAFT_LINES: u16 = 10;

/// Every pane's rectangle; a hidden one is empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Areas {
    pub header: Rect,
    pub endpoints: Rect,
    pub sockets: Rect,
    pub timeline: Rect,
    pub inspector: Rect,
    pub send: Rect,
    pub footer: Rect,
}

impl Areas {
    /// What an overlay may cover: everything between header and footer.
    pub fn over(&self) -> Rect {
        Rect { y: self.header.bottom(), height: self.footer.y.saturating_sub(self.header.bottom()), ..self.header }
    }
}

/// Lays out a screen of `size`.
pub fn areas(app: &App, size: Rect) -> Areas {
    if size.width < LEAST.0 || size.height < LEAST.1 {
        return Areas::default();
    }
    let row = |y, height| Rect { x: size.x, y, width: size.width, height };
    let send_height = send_height(app, size);
    let body_height = size.height - 2 - send_height;
    let body = row(size.y + 1, body_height);
    let frame = Areas {
        header: row(size.y, 1),
        send: row(size.y + 1 + body_height, send_height),
        footer: row(size.bottom() - 1, 1),
        ..Areas::default()
    };
    if app.zoomed {
        return match app.focus {
            Pane::Endpoints => Areas { endpoints: body, ..frame },
            Pane::Sockets => Areas { sockets: body, ..frame },
            Pane::Timeline => Areas { timeline: body, ..frame },
            Pane::Inspector => Areas { inspector: body, ..frame },
        };
    }
    let left = (size.width * 2 / 5).clamp(38, 84);
    // All endpoints, as long as the sockets keep most of the column.
    let listed = u16::try_from(app.seen().endpoints.len()).unwrap_or(u16::MAX).max(1);
    let endpoints = listed.saturating_add(FRAME).min(body_height * 2 / 5).max(FRAME + 1);
    let timeline = body_height * 3 / 5;
    let (x, y) = (body.x + left, body.y);
    Areas {
        endpoints: Rect { width: left, height: endpoints, ..body },
        sockets: Rect { y: y + endpoints, width: left, height: body_height - endpoints, ..body },
        timeline: Rect { x, y, width: size.width - left, height: timeline },
        inspector: Rect { x, y: y + timeline, width: size.width - left, height: body_height - timeline },
        ..frame
    }
}

fn send_height(app: &App, size: Rect) -> u16 {
    let composing = matches!(app.mode, Mode::Compose | Mode::History(_));
    let lines = u16::try_from(app.composer.editor.lines().len()).unwrap_or(u16::MAX);
    let most = (size.height / 3).min(DRAFT_LINES);
    let draft = if composing { lines.clamp(1, most) } else { 1 };
    // A line for what it comes to, where there is room or it is needed.
    let info = u16::from(composing || size.height >= 30);
    draft + info + FRAME
}

/// What the panes of the coming frame can show.
pub fn viewport(app: &App, size: Rect) -> Viewport {
    let areas = areas(app, size);
    let rows = |area: Rect, heading: u16| usize::from(area.height.saturating_sub(FRAME + heading));
    let over = areas.over();
    let is_over = matches!(app.mode, Mode::Handshake { .. });
    Viewport {
        endpoints: rows(areas.endpoints, 0),
        // The tables have a heading of their own.
        sockets: rows(areas.sockets, 1),
        timeline: rows(areas.timeline, 1),
        inspector: rows(areas.inspector, 0),
        inspector_lines: inspector::lines(app.seen(), app.lens, areas.inspector),
        overlay: handshake::room(over),
        overlay_lines: if is_over { handshake::lines(app.seen(), over) } else { 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_panes_tile_the_screen_at_every_size() {
        let app = App::new(Vec::new());
        for width in LEAST.0..220 {
            for height in LEAST.1..70 {
                let size = Rect::new(0, 0, width, height);
                let a = areas(&app, size);
                let all = [a.header, a.endpoints, a.sockets, a.timeline, a.inspector, a.send, a.footer];
                let cells: u32 = all.iter().map(|area| u32::from(area.width) * u32::from(area.height)).sum();
                assert_eq!(cells, u32::from(width) * u32::from(height), "{width}x{height}: {a:?}");
                assert!(all.iter().all(|area| area.height > 0 && area.right() <= width && area.bottom() <= height));
                assert!(a.sockets.height > 3 && a.timeline.height > 3, "{width}x{height}: {a:?}");
            }
        }
    }
}

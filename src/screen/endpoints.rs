//! What a person runs: one row an endpoint, its state first, what is wrong with it loudest.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::bytes::clean;
use super::cells::{self, span};
use super::theme::Theme;
use crate::model::end::Fault;
use crate::model::id::EndpointId;
use crate::model::size;
use crate::model::url::Role;
use crate::model::view::{EndpointRow, SPARK, Snapshot, State};

/// What the person does with the pane.
#[derive(Clone, Copy, Default, Debug)]
pub struct View {
    pub selected: Option<EndpointId>,
    /// Rows scrolled off the top. The selected row is shown whatever this says.
    pub top: usize,
    pub focused: bool,
    /// The endpoint the socket list is narrowed to.
    pub narrowed: Option<EndpointId>,
}

/// Rows of content in an area.
pub fn rows(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(2))
}

pub fn draw(buf: &mut Buffer, area: Rect, snapshot: &Snapshot, view: View, theme: &Theme) {
    let all = &snapshot.endpoints;
    let failed = all.iter().filter(|row| matches!(row.state, State::Failed(_))).count();
    let mut title = vec![span("Endpoints", theme.bright), span(format!("  {}", all.len()), theme.dim)];
    if failed > 0 {
        title.push(span(format!("  {failed} failed"), theme.bad));
    }
    let add = Line::from(vec![span("a", theme.accent), span(" add", theme.dim)]);
    let inside = cells::pane(buf, area, view.focused, Line::from(title), &[add], theme);
    if inside.is_empty() {
        return;
    }
    if all.is_empty() {
        let hint = vec![span("none yet: ", theme.dim), span("a", theme.accent), span(" adds one", theme.dim)];
        cells::hollow(buf, inside, vec![Line::from(hint)], theme);
        return;
    }
    let shown = usize::from(inside.height);
    let at = view.selected.and_then(|id| all.iter().position(|row| row.id == id));
    let top = cells::top(view.top, at, shown, all.len());
    for (y, endpoint) in (inside.y..inside.bottom()).zip(&all[top..]) {
        let row = Rect { y, height: 1, ..inside };
        let selected = view.selected == Some(endpoint.id);
        if selected {
            cells::band(buf, row, theme);
        }
        let theme = if selected { theme.banded() } else { *theme };
        if view.narrowed == Some(endpoint.id) {
            cells::left(buf, row.x - 1, y, 1, "▸", theme.accent);
        }
        draw_row(buf, row, endpoint, &theme);
    }
    cells::thumb(buf, area, top as u64, shown as u64, all.len() as u64, theme);
}

/// Columns of the sparkline at most, of the reply's name, and of a number of bytes.
const SPARKLINE: u16 = 8;
const REPLY: u16 = 4;
const BYTES: u16 = 6;
/// What an IPv4 address on loopback with its port takes.
const ADDRESS: u16 = 15;
/// The state's glyph and the scheme before the address, the count behind it, with their gaps.
const FRONT: u16 = 8;
const COUNT: u16 = 5;

fn draw_row(buf: &mut Buffer, row: Rect, endpoint: &EndpointRow, theme: &Theme) {
    let scheme = endpoint.spec.scheme();
    let hue = theme.scheme(scheme);
    let (glyph, style, is_live) = match endpoint.state {
        State::Up => ("●", theme.good, true),
        State::Starting => ("◌", theme.waiting, true),
        State::Failed(_) => ("○", theme.bad, false),
        State::Stopped => ("○", theme.dim, false),
    };
    let y = row.y;
    cells::left(buf, row.x, y, 1, glyph, style);
    let name = if is_live { hue.patch(theme.bright) } else { theme.dim };
    cells::left(buf, row.x + 2, y, row.width.saturating_sub(2).min(5), scheme.name(), name);
    let rest = Rect { x: row.x + FRONT, width: row.width.saturating_sub(FRONT), ..row };
    if rest.width == 0 {
        return;
    }
    let address = address(endpoint, if is_live { theme.plain } else { theme.dim }, theme);
    let note = note(endpoint, theme);
    let needs = u16::try_from(cells::line_width(&address)).unwrap_or(u16::MAX);
    if !is_live {
        let columns = u16::try_from(cells::line_width(&note)).unwrap_or(u16::MAX).min(rest.width);
        let room = rest.width.saturating_sub(columns + 1);
        // The reason tells more than the whole of the address; the port stays.
        cells::right_line(buf, rest.x + rest.width - columns, y, columns, note, theme);
        let text = address.to_string();
        cells::left(buf, rest.x, y, room, &cells::tail(&text, usize::from(room)), theme.dim);
        return;
    }
    let has_note = cells::line_width(&note) > 0;
    let note_columns = u16::try_from(cells::line_width(&note)).unwrap_or(u16::MAX);
    // From the right: reply, sparkline, count. The note stands in their place where both have no room.
    let mut right = rest.right();
    let mut room = rest.width.saturating_sub(ADDRESS.max(needs.min(rest.width / 2)) + 1);
    let mut take = |columns: u16, gap: u16| {
        let fits = room >= columns + gap;
        if fits {
            room -= columns + gap;
            right -= columns;
            let x = right;
            right -= gap;
            Some(x)
        } else {
            None
        }
    };
    let fixed = COUNT - 1 + SPARKLINE + 2 + REPLY + 1;
    if has_note && rest.width < fixed + needs + note_columns + 3 {
        if let Some(x) = take(note_columns, 1) {
            cells::line(buf, x, y, note_columns, note, theme);
        }
        if let Some(x) = take(COUNT - 1, 1) {
            cells::right(buf, x, y, COUNT - 1, &size::si(endpoint.open as u64), theme.plain);
        }
        let columns = right.saturating_sub(rest.x);
        cells::line(buf, rest.x, y, columns, address, theme);
        return;
    }
    if rest.width >= ADDRESS + fixed
        && let Some(x) = take(REPLY, 1)
        && endpoint.spec.role == Role::Listen
    {
        cells::left(buf, x, y, REPLY, endpoint.spec.settings.reply.name(), theme.dim);
    }
    if rest.width >= ADDRESS + fixed + 2 * (BYTES + 3) {
        for (glyph, style, bytes) in
            [("▲", theme.outgoing, endpoint.count.sent.bytes), ("▼", theme.incoming, endpoint.count.received.bytes)]
        {
            if let Some(x) = take(BYTES + 2, 1) {
                cells::left(buf, x, y, 1, glyph, style);
                cells::right(buf, x + 2, y, BYTES, &size::bytes(bytes), theme.dim);
            }
        }
        take(0, 1);
    }
    let columns = SPARKLINE.min(rest.width.saturating_sub(ADDRESS + COUNT + 2));
    if columns >= 4
        && let Some(x) = take(columns, 2.min(rest.width.saturating_sub(ADDRESS + COUNT + columns)))
    {
        cells::left(buf, x, y, columns, &sparkline(&endpoint.spark, usize::from(columns)), hue);
    }
    if let Some(x) = take(COUNT - 1, 1) {
        let style = if endpoint.open == 0 { theme.dim } else { theme.plain };
        cells::right(buf, x, y, COUNT - 1, &size::si(endpoint.open as u64), style);
    }
    let mut line = address;
    if has_note {
        line.spans.push(span("  ", theme.plain));
        line.spans.extend(note.spans);
    }
    let columns = right.saturating_sub(rest.x);
    cells::line(buf, rest.x, y, columns, line, theme);
}

/// Where it is bound, or where it goes.
fn address(endpoint: &EndpointRow, style: Style, theme: &Theme) -> Line<'static> {
    let url = &endpoint.spec.url;
    match (endpoint.spec.role, endpoint.local) {
        (Role::Connect, _) => {
            let target = clean(&url.authority()).into_owned();
            Line::from(vec![span("→ ", theme.dim), span(target, style)])
        }
        (Role::Listen, Some(local)) => Line::from(span(local.to_string(), style)),
        (Role::Listen, None) => Line::from(span(clean(&url.authority()).into_owned(), style)),
    }
}

/// What a person must know of it, and the key that helps.
fn note(endpoint: &EndpointRow, theme: &Theme) -> Line<'static> {
    let key = |what: &'static str| -> [Span<'static>; 2] { [span("r", theme.accent), span(what, theme.dim)] };
    match &endpoint.state {
        State::Failed(fault) => {
            let mut words = vec![span(format!("{}, ", reason(fault)), theme.bad)];
            words.extend(key(" retry"));
            return Line::from(words);
        }
        State::Stopped => {
            let mut words = vec![span("stopped, ", theme.dim)];
            words.extend(key(" start"));
            return Line::from(words);
        }
        State::Starting | State::Up => {}
    }
    let spec = &endpoint.spec;
    match (spec.role, endpoint.local) {
        (Role::Connect, _) if spec.settings.insecure && spec.scheme().is_secure() => {
            Line::from(span("!unverified", theme.waiting))
        }
        (Role::Listen, Some(local)) if local.ip().is_unspecified() => {
            Line::from(span("! any interface", theme.waiting))
        }
        (Role::Listen, Some(local)) if !local.ip().is_loopback() => Line::from(span("! not loopback", theme.waiting)),
        _ => Line::default(),
    }
}

/// What went wrong, in the words of someone who has two seconds.
fn reason(fault: &Fault) -> &'static str {
    const REASONS: &[(&str, &str)] = &[
        ("EADDRINUSE", "port taken"),
        ("EACCES", "not permitted"),
        ("EPERM", "not permitted"),
        ("EADDRNOTAVAIL", "no such address"),
        ("ECONNREFUSED", "refused"),
        ("ECONNRESET", "reset"),
        ("ETIMEDOUT", "timed out"),
        ("EHOSTUNREACH", "unreachable"),
        ("ENETUNREACH", "no network"),
        ("EMFILE", "out of files"),
        ("timeout", "timed out"),
    ];
    REASONS.iter().find(|(name, _)| *name == fault.name()).map_or(fault.name(), |(_, words)| words)
}

/// The newest seconds as bars, the highest of all that is remembered being full.
fn sparkline(counts: &[u32; SPARK], columns: usize) -> String {
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = u64::from(counts.iter().copied().max().unwrap_or(0)).max(1);
    let newest = &counts[SPARK.saturating_sub(columns)..];
    // Rounded up: one message among thousands is still seen.
    newest.iter().map(|count| BARS[(u64::from(*count) * 8).div_ceil(most) as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_message_among_thousands_is_seen() {
        let mut counts = [0; SPARK];
        counts[SPARK - 1] = 1;
        counts[SPARK - 2] = 100_000;
        assert_eq!(sparkline(&counts, 4), "  █▁");
    }

    #[test]
    fn an_idle_endpoint_has_an_empty_sparkline() {
        assert_eq!(sparkline(&[0; SPARK], 8), "        ");
    }
}

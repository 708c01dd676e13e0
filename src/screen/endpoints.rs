//! What a person runs: one row an endpoint, its state first, what is wrong with it loudest.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

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
    cells::thumb(buf, area, top as u64, shown as u64, all.len() as u64, theme.edge(view.focused));
}

/// Columns of the sparkline, of the reply's name, of a number of sockets, and of a number of bytes.
const SPARKLINE: u16 = 8;
const REPLY: u16 = 4;
const COUNT: u16 = 4;
const BYTES: u16 = 6;
/// What an IPv4 loopback address with its port takes.
const ADDRESS: u16 = 15;
/// The state's glyph and the scheme before the address, with their gaps.
const FRONT: u16 = 8;

/// Where the columns stand, from the address on: the same in every row.
#[derive(Clone, Copy, Debug)]
struct Columns {
    count: u16,
    sparkline: u16,
    sparkline_width: u16,
    traffic: Option<u16>,
    reply: Option<u16>,
    width: u16,
}

impl Columns {
    fn of(width: u16) -> Self {
        let least = ADDRESS + 1 + COUNT;
        let with_reply = least + 1 + SPARKLINE + 1 + REPLY;
        let with_traffic = with_reply + 2 * (BYTES + 4);
        let reply = (width >= with_reply).then(|| width - REPLY);
        let right = reply.map_or(width, |x| x - 1);
        let traffic = (width >= with_traffic).then(|| right - 2 * (BYTES + 3));
        let right = traffic.map_or(right, |x| x - 1);
        // Under four columns a sparkline says nothing.
        let sparkline_width = match right.saturating_sub(least + 1).min(SPARKLINE) {
            0..4 => 0,
            columns => columns,
        };
        let sparkline = right - sparkline_width;
        let count = if sparkline_width > 0 { sparkline.saturating_sub(1 + COUNT) } else { right.saturating_sub(COUNT) };
        Self { count, sparkline, sparkline_width, traffic, reply, width }
    }
}

fn draw_row(buf: &mut Buffer, row: Rect, endpoint: &EndpointRow, theme: &Theme) {
    let (glyph, style, is_live) = match endpoint.state {
        State::Up => ("●", theme.good, true),
        State::Starting => ("◌", theme.waiting, true),
        State::Failed(_) => ("○", theme.bad, false),
        State::Stopped => ("○", theme.dim, false),
    };
    let scheme = endpoint.spec.scheme();
    let name = if is_live { theme.strong(theme.scheme(scheme)) } else { theme.dim };
    cells::left(buf, row.x, row.y, 1, glyph, style);
    cells::left(buf, row.x + 2, row.y, row.width.saturating_sub(2).min(FRONT - 3), scheme.name(), name);
    let rest = Rect { x: row.x + FRONT, width: row.width.saturating_sub(FRONT), ..row };
    if rest.width == 0 || row.width <= FRONT {
        return;
    }
    if is_live { draw_live(buf, rest, endpoint, theme) } else { draw_down(buf, rest, endpoint, theme) }
}

/// The reason tells more than the whole of the address; the port stays.
fn draw_down(buf: &mut Buffer, rest: Rect, endpoint: &EndpointRow, theme: &Theme) {
    let reason = reason(endpoint, theme);
    let columns = u16::try_from(cells::line_width(&reason)).unwrap_or(u16::MAX).min(rest.width);
    let room = rest.width.saturating_sub(columns + 1);
    cells::right_line(buf, rest.x, rest.y, rest.width, reason, theme);
    let address = address(endpoint, theme.dim, usize::from(room), theme);
    cells::line(buf, rest.x, rest.y, room, address, theme);
}

fn draw_live(buf: &mut Buffer, rest: Rect, endpoint: &EndpointRow, theme: &Theme) {
    let at = Columns::of(rest.width);
    let (x, y) = (rest.x, rest.y);
    let warnings = warnings(endpoint);
    let is_exposed = endpoint.spec.role == Role::Listen && !warnings.is_empty();
    let room = usize::from(at.count.saturating_sub(1));
    let warning = if is_loud(endpoint) { theme.strong(theme.bad) } else { theme.waiting };
    let mut line = address(endpoint, if is_exposed { warning } else { theme.plain }, room, theme);
    // A warning stands beside the address, else in the place of sparkline and reply: what is loud comes first.
    // Where no words fit, its mark stands beside the address.
    let beside = |text: &&&str| cells::line_width(&line) + 2 + text.len() <= room;
    let behind = |text: &&&str| text.len() < usize::from(at.width.saturating_sub(at.count + COUNT));
    let words = || warnings.iter().filter(|text| text.len() > 1);
    let mark = || warnings.iter().find(beside);
    match (words().find(beside).or_else(|| words().find(behind).is_none().then(mark).flatten()), words().find(behind)) {
        (Some(text), _) => {
            line.spans.push(span(format!("  {text}"), warning));
            draw_activity(buf, rest, at, endpoint, theme);
        }
        (None, Some(text)) => {
            let columns = at.width - at.count - COUNT;
            cells::right(buf, x + at.count + COUNT, y, columns, text, warning);
        }
        // The address gives way to what is loud.
        (None, None) if is_loud(endpoint) => {
            let text = warnings.last().copied().unwrap_or_default();
            let style = if is_exposed { warning } else { theme.plain };
            line = address(endpoint, style, room.saturating_sub(text.len() + 1), theme);
            line.spans.push(span(format!(" {text}"), warning));
            draw_activity(buf, rest, at, endpoint, theme);
        }
        (None, None) => draw_activity(buf, rest, at, endpoint, theme),
    }
    let count = if endpoint.open == 0 { theme.dim } else { theme.plain };
    cells::right(buf, x + at.count, y, COUNT.min(at.width - at.count), &size::si(endpoint.open as u64), count);
    cells::line(buf, x, y, at.count.saturating_sub(1), line, theme);
}

fn draw_activity(buf: &mut Buffer, rest: Rect, at: Columns, endpoint: &EndpointRow, theme: &Theme) {
    let (x, y) = (rest.x, rest.y);
    let bars = sparkline(&endpoint.spark, usize::from(at.sparkline_width));
    cells::left(buf, x + at.sparkline, y, at.sparkline_width, &bars, theme.scheme(endpoint.spec.scheme()));
    if let Some(from) = at.traffic {
        let (received, sent) = (endpoint.count.received.bytes, endpoint.count.sent.bytes);
        let flows = [("▼", theme.incoming, received), ("▲", theme.outgoing, sent)];
        for (from, (glyph, style, bytes)) in [from, from + BYTES + 3].into_iter().zip(flows) {
            cells::left(buf, x + from, y, 1, glyph, style);
            cells::right(buf, x + from + 1, y, BYTES + 1, &size::bytes(bytes), theme.dim);
        }
    }
    if let Some(from) = at.reply
        && endpoint.spec.role == Role::Listen
    {
        cells::left(buf, x + from, y, REPLY, endpoint.spec.settings.reply.name(), theme.dim);
    }
}

/// Where it is bound, or where it goes; its end tells most.
fn address(endpoint: &EndpointRow, style: Style, columns: usize, theme: &Theme) -> Line<'static> {
    let authority = clean(&endpoint.spec.url.authority()).into_owned();
    match (endpoint.spec.role, endpoint.local) {
        (Role::Connect, _) => {
            let target = cells::tail(&authority, columns.saturating_sub(2));
            Line::from(vec![span("→ ", theme.dim), span(target, style)])
        }
        (Role::Listen, Some(local)) => Line::from(span(cells::tail(&local.to_string(), columns), style)),
        (Role::Listen, None) => Line::from(span(cells::tail(&authority, columns), style)),
    }
}

/// Why it does not run, and the key that helps.
fn reason(endpoint: &EndpointRow, theme: &Theme) -> Line<'static> {
    let (why, style, what) = match &endpoint.state {
        State::Failed(fault) => (short(fault), theme.bad, " retry"),
        state => (state.name(), theme.dim, " start"),
    };
    Line::from(vec![span(format!("{why}, "), style), span("r", theme.accent), span(what, theme.dim)])
}

/// Whether it does in TLS what nobody does in earnest: lets any server pass, or shows a bad certificate.
fn is_loud(endpoint: &EndpointRow) -> bool {
    let (spec, tls) = (&endpoint.spec, &endpoint.spec.settings.tls);
    let is = if spec.role == Role::Connect { tls.insecure } else { tls.certificate.flaw().is_some() };
    is && spec.comes_to_tls()
}

/// What a person must know of a running endpoint, the longest wording first.
fn warnings(endpoint: &EndpointRow) -> &'static [&'static str] {
    let spec = &endpoint.spec;
    match (spec.role, endpoint.local) {
        (Role::Connect, _) if is_loud(endpoint) => &["!unverified", "!unsafe", "!bad"],
        (Role::Listen, _) if is_loud(endpoint) => &["! bad certificate", "!bad cert", "!bad"],
        (Role::Listen, Some(local)) if local.ip().is_unspecified() => &["! any interface", "! exposed", "!"],
        (Role::Listen, Some(local)) if !local.ip().is_loopback() => &["! not loopback", "! exposed", "!"],
        _ => &[],
    }
}

/// What went wrong, in the words of someone who has two seconds.
fn short(fault: &Fault) -> &'static str {
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

/// The newest seconds as bars, the highest of all that is remembered the tallest. None is full: bars of two
/// rows would run into each other.
fn sparkline(counts: &[u32; SPARK], columns: usize) -> String {
    const BARS: [char; 8] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇'];
    let most = u64::from(counts.iter().copied().max().unwrap_or(0)).max(1);
    let newest = &counts[SPARK.saturating_sub(columns)..];
    // Rounded up: one message among thousands is still seen.
    newest.iter().map(|count| BARS[(u64::from(*count) * 7).div_ceil(most) as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_message_among_thousands_is_seen() {
        let mut counts = [0; SPARK];
        counts[SPARK - 1] = 1;
        counts[SPARK - 2] = 100_000;
        assert_eq!(sparkline(&counts, 4), "  ▇▁");
    }

    #[test]
    fn what_tls_does_not_in_earnest_is_loud() {
        let cases = [
            (Role::Listen, "tls://:1", "certificate", "bad:expired", "! bad certificate"),
            (Role::Connect, "https://a", "insecure", "yes", "!unverified"),
        ];
        for (role, url, name, value, want) in cases {
            let mut row = crate::screen::sample::endpoint(1, role, url, State::Up, 0);
            assert!(warnings(&row).is_empty(), "{url}");
            let spec = std::sync::Arc::make_mut(&mut row.spec);
            spec.settings = spec.settings.clone().with(name, value).unwrap();
            assert_eq!(warnings(&row)[0], want);
        }
    }

    #[test]
    fn an_idle_endpoint_has_an_empty_sparkline() {
        assert_eq!(sparkline(&[0; SPARK], 8), "        ");
    }
}

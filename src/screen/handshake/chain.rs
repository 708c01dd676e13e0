//! The certificates as a tree, the root above: each with what it is for, its time in words, and what speaks
//! against it.

use ratatui::text::Line;

use super::{Page, SENTENCE, heading};
use crate::model::end::{Fault, Party};
use crate::model::handshake::{Handshake, Outcome, against};
use crate::model::tls::Certificate;
use crate::model::url::Role;
use crate::screen::cells::{self, span};
use crate::screen::theme::Theme;
use crate::screen::tls;

/// Columns of a field's name.
const NAME: usize = 8;

/// The peer's chain; of a handshake that failed also ours, for it may be what the peer did not like.
pub fn lines(handshake: &Handshake, now: i64, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (peer, ours) = (handshake.peers_chain(), &handshake.chains[1]);
    let mut lines = Vec::new();
    if !peer.is_empty() {
        let title = if handshake.role == Role::Listen { "The client's chain" } else { "The server's chain" };
        lines.push(heading(title, "", width, theme));
        lines.extend(verdict(handshake, width, theme));
        lines.extend(tree(peer, handshake.asked(), now, width, theme));
    }
    if !ours.is_empty() {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(heading("Our chain", "", width, theme));
        let asked = handshake.hello().filter(|_| handshake.role == Role::Listen);
        lines.extend(tree(ours, asked.and_then(|hello| hello.server_name.as_deref()), now, width, theme));
    }
    lines
}

/// What was said of the whole chain.
fn verdict(handshake: &Handshake, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (text, style) = match &handshake.outcome {
        Outcome::Pending => return Vec::new(),
        Outcome::Failed { fault, .. } => match &**fault {
            Fault::Tls { alert: Some((Party::Us, name)), .. } if tls::is_about_certificates(name) => {
                ("✗ refused by us".into(), theme.bad)
            }
            _ => return Vec::new(),
        },
        Outcome::Done { secured, .. } => match (secured.verified, &secured.objection) {
            (Some(true), _) => ("✓ good".into(), theme.good),
            (Some(false), Some(why)) => (format!("✗ not good, and let pass: {why}"), theme.bad),
            (Some(false) | None, _) => ("not checked".into(), theme.waiting),
        },
    };
    let mut page = Page::new(width, SENTENCE);
    page.hang(2);
    page.words(text.as_bytes(), style, theme);
    page.finish()
}

/// The issuer above what it issued; one that was not shown is named.
fn tree(chain: &[Certificate], asked: Option<&str>, now: i64, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let mut level = 0;
    if let Some(last) = chain.last().filter(|last| last.subject != last.issuer) {
        let mut page = Page::new(width, SENTENCE);
        page.words("○ ".as_bytes(), theme.dim, theme);
        page.words(last.issuer.as_bytes(), theme.dim, theme);
        page.words(b"  (not sent)", theme.dim, theme);
        lines.extend(page.finish());
        level = 1;
    }
    for (nth, certificate) in chain.iter().enumerate().rev() {
        let said = against(chain, nth, asked, now);
        // The deeper, the narrower; a chain of sixteen still has room.
        let indent = (level * 2).min(width / 3);
        let mark = if level == 0 { "" } else { "└ " };
        let room = width.saturating_sub(indent);
        let mut page = Page::new(room, SENTENCE);
        page.hang(4);
        let dot = if said.is_empty() { theme.good } else { theme.bad };
        page.words(mark.as_bytes(), theme.faint, theme);
        page.words("● ".as_bytes(), dot, theme);
        page.words(certificate.subject.as_bytes(), theme.bright, theme);
        if certificate.subject == certificate.issuer {
            page.words(b"  signed by itself", theme.dim, theme);
        }
        let mut block = page.finish();
        let (valid, is_good) = certificate.validity(now);
        let (from, until) = (day(&certificate.valid.0), day(&certificate.valid.1));
        let style = if is_good { theme.plain } else { theme.bad };
        let kind = if certificate.is_ca { ", a CA" } else { "" };
        let mut rows = vec![
            ("valid", format!("{valid}, {from} to {until}"), style),
            ("key", format!("{}{kind}", certificate.key), theme.plain),
        ];
        if !certificate.names.is_empty() {
            rows.insert(0, ("for", certificate.names.join(" "), theme.plain));
        }
        // Its time is said already.
        let others = said.into_iter().filter(|said| *said != valid);
        rows.extend(others.map(|said| ("against", said, theme.bad)));
        for (name, value, style) in rows {
            let mut page = Page::new(room.saturating_sub(4 + NAME).max(8), SENTENCE);
            page.words(value.as_bytes(), style, theme);
            for (n, mut line) in page.finish().into_iter().enumerate() {
                let name = if n == 0 { name } else { "" };
                line.spans.insert(0, span(format!("    {name:<NAME$}"), theme.dim));
                block.push(line);
            }
        }
        for mut line in block {
            line.spans.insert(0, span(" ".repeat(indent), theme.plain));
            lines.push(cells::cut(line, width, theme));
        }
        level += 1;
    }
    lines
}

/// The day of a date with a time.
fn day(date: &str) -> &str {
    date.split('T').next().unwrap_or(date)
}

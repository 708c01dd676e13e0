//! The last exchanges of a connection as a table, for its details: what was asked, what was answered, and
//! how long each step took.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::time::Duration;

use parking_lot::Mutex;

use crate::model::event::Way;
use crate::model::exchange::{Turn, Why};
use crate::model::size;
use crate::model::view::{Facts, Group};

/// Exchanges kept. The timeline has the rest; 10,000 connections have a table each.
const MOST: usize = 8;
/// Bytes of a request's line that are kept: a column's width.
const LINE: usize = 48;

/// Written by the one task that owns the connection, read by whoever looks at it.
#[derive(Default)]
pub struct Table(Mutex<Rows>);

#[derive(Default)]
struct Rows {
    rows: VecDeque<Row>,
    asked: u64,
    pipelined: u64,
    longest: u64,
    last: Option<(Way, Why)>,
    /// The connection is no longer HTTP/1's.
    left: bool,
}

struct Row {
    exchange: u32,
    turn: Turn,
    line: [u8; LINE],
    len: u8,
    story: Story,
}

/// What came of a request.
#[derive(Clone, Copy, Default)]
pub struct Story {
    /// 0 until it is answered.
    pub status: u16,
    /// Bytes of the two bodies.
    pub sent: u64,
    pub back: u64,
    /// Nanoseconds since the request's head.
    pub head: u64,
    pub first: Option<NonZeroU64>,
    pub took: Option<u64>,
}

impl Table {
    pub fn asked(&self, exchange: u32, turn: Turn, method: &str, target: &str) {
        let mut table = self.0.lock();
        table.asked += 1;
        match turn {
            Turn::First => {}
            Turn::Kept(idle) => table.longest = table.longest.max(idle.nanos()),
            Turn::Pipelined(_) => table.pipelined += 1,
        }
        let mut line = [0; LINE];
        let mut len = 0;
        for part in [method, " ", target] {
            let now = part.len().min(LINE - len);
            line[len..len + now].copy_from_slice(&part.as_bytes()[..now]);
            len += now;
        }
        let len = u8::try_from(len).unwrap_or(0);
        if table.rows.len() == MOST {
            table.rows.pop_front();
        }
        let row = Row { exchange, turn, line, len, story: Story::default() };
        table.rows.push_back(row);
    }

    /// What has come of an exchange: at its end, and where its answer takes its time.
    pub fn told(&self, exchange: u32, story: Story) {
        if let Some(row) = self.0.lock().rows.iter_mut().rev().find(|row| row.exchange == exchange) {
            row.story = story;
        }
    }

    pub fn last(&self, way: Way, why: Why) {
        self.0.lock().last = Some((way, why));
    }

    /// The connection is handed over to HTTP/2, which tells for itself.
    pub fn leave(&self) {
        self.0.lock().left = true;
    }

    /// What the connection was so far: a name and a value each.
    fn connection(&self) -> Vec<(&'static str, String)> {
        let table = self.0.lock();
        let mut rows = vec![("requests", size::exact(table.asked))];
        if table.pipelined > 0 {
            rows.push(("pipelined", size::exact(table.pipelined)));
        }
        if table.longest > 0 {
            rows.push(("longest gap", size::span(Duration::from_nanos(table.longest))));
        }
        let ends = match table.last {
            Some((way, why)) => {
                let who = if way == Way::In { "from the peer" } else { "from us" };
                format!("{}, {who}", why.text())
            }
            None => "nobody has said".into(),
        };
        rows.push(("ends by", ends));
        rows
    }

    /// The exchanges, the newest first: a number and a sentence each.
    fn exchanges(&self) -> Vec<(u32, String)> {
        let table = self.0.lock();
        let dropped = table.last.is_some_and(|(_, why)| why == Why::Rule);
        table.rows.iter().rev().map(|row| (row.exchange, row.text(dropped))).collect()
    }
}

impl Facts for Table {
    fn read(&self) -> Vec<Group> {
        let connection = self.connection().into_iter().map(|(name, value)| (name.into(), value)).collect();
        let exchanges = self.exchanges().into_iter().map(|(number, text)| (number.to_string().into(), text)).collect();
        vec![
            Group { title: "connection".into(), rows: connection },
            Group { title: "exchanges".into(), rows: exchanges },
        ]
    }

    fn is_over(&self) -> bool {
        self.0.lock().left
    }
}

impl Row {
    fn text(&self, dropped: bool) -> String {
        let span = |ns: u64| size::span(Duration::from_nanos(ns));
        let mut text = String::from_utf8_lossy(&self.line[..usize::from(self.len)]).into_owned();
        if usize::from(self.len) == LINE {
            text.push('…');
        }
        match self.turn {
            Turn::First => {}
            Turn::Kept(idle) => text.push_str(&format!(", after {}", span(idle.nanos()))),
            Turn::Pipelined(before) => text.push_str(&format!(", pipelined behind {before}")),
        }
        let Story { status, sent, back, head, first, took } = self.story;
        if sent > 0 {
            text.push_str(&format!(", body {}", size::bytes(sent)));
        }
        if status == 0 {
            text.push_str(if dropped { ": dropped by a rule" } else { ": no answer yet" });
            return text;
        }
        text.push_str(&format!(": {status}, head {}", span(head)));
        if let Some(first) = first {
            text.push_str(&format!(", first byte {}", span(first.get())));
        }
        match took {
            Some(took) => text.push_str(&format!(", end {}", span(took))),
            None => text.push_str(", goes on"),
        }
        if back > 0 {
            text.push_str(&format!(", {}", size::bytes(back)));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exchange::Gap;

    #[test]
    fn the_table_tells_the_last_exchanges_newest_first() {
        let table = Table::default();
        for exchange in 1..=20 {
            let turn = if exchange == 1 { Turn::First } else { Turn::Kept(Gap::of_nanos(2_000_000_000)) };
            table.asked(exchange, turn, "GET", "/a");
        }
        let first = NonZeroU64::new(2_000_000);
        table.told(20, Story { status: 404, sent: 5, back: 9, head: 1_000_000, first, took: Some(3_000_000) });
        table.told(19, Story { status: 200, ..Story::default() });
        table.last(Way::In, Why::Close);
        let rows = table.exchanges();
        assert_eq!((rows.len(), rows[0].0, rows[7].0), (MOST, 20, 13));
        assert_eq!(
            rows[0].1,
            "GET /a, after 2.00 s, body 5 B: 404, head 1.00 ms, first byte 2.00 ms, end 3.00 ms, 9 B"
        );
        assert_eq!(rows[1].1, "GET /a, after 2.00 s: 200, head 0 ns, goes on");
        assert_eq!(rows[2].1, "GET /a, after 2.00 s: no answer yet");
        let connection = table.connection();
        assert_eq!(connection[0], ("requests", "20".into()));
        assert_eq!(connection[2], ("ends by", "Connection: close, from the peer".into()));
    }
}

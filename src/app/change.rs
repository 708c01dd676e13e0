//! When the screen changes by itself: ages, rates and sparklines move though nothing happens.

use std::time::Duration;

use super::App;
use crate::model::size::age_changes_in;
use crate::model::time::Stamp;
use crate::model::view::{Rate, Snapshot, SocketRow};

impl App {
    /// The time until a text on this picture says something else by itself. `None` while it is
    /// frozen. Without traffic and without open sockets in sight only the uptime's minutes are left.
    pub fn next_change(&self, snapshot: &Snapshot) -> Option<Duration> {
        if self.is_paused() {
            return None;
        }
        let now = snapshot.now;
        let uptime = uptime(now);
        let second = moves(snapshot).then(|| next_second(now));
        let top = self.lists.socket_top.saturating_sub(snapshot.sockets.first);
        let in_sight = snapshot.sockets.rows.iter().skip(top).take(self.viewport.sockets);
        let ages = in_sight.chain(&snapshot.socket).filter(|row| !row.life.is_closed()).map(|row| age(row, now));
        let waits = snapshot.waiting.iter().map(|row| age_changes_in(now.since(row.exchange.since)));
        ages.chain(waits).chain(second).chain([uptime]).min()
    }
}

fn age(row: &SocketRow, now: Stamp) -> Duration {
    age_changes_in(now.since(row.opened))
}

fn moves(snapshot: &Snapshot) -> bool {
    let busy = |rate: Rate| rate.received > 0 || rate.sent > 0;
    busy(snapshot.rate)
        || snapshot.endpoints.iter().any(|row| busy(row.rate) || row.spark.iter().any(|n| *n > 0))
        || snapshot.sockets.rows.iter().chain(&snapshot.socket).any(|row| busy(row.rate))
}

/// It is shown as an age, but not in seconds.
fn uptime(now: Stamp) -> Duration {
    let up = now.since(Stamp(0));
    Duration::from_secs(60).checked_sub(up).filter(|left| !left.is_zero()).unwrap_or_else(|| age_changes_in(up))
}

fn next_second(now: Stamp) -> Duration {
    Duration::from_nanos(1_000_000_000 - now.0 % 1_000_000_000)
}

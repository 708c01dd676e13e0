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
        let uptime = until_next(now, 60);
        let second = moves(snapshot).then(|| until_next(now, 1));
        let top = self.lists.socket_top.saturating_sub(snapshot.sockets.first);
        let in_sight = snapshot.sockets.rows.iter().skip(top).take(self.viewport.sockets);
        let ages = in_sight.chain(&snapshot.socket).filter(|row| !row.life.is_closed()).map(|row| age(row, now));
        ages.chain(second).chain([uptime]).min()
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

fn until_next(now: Stamp, seconds: u64) -> Duration {
    let step = Duration::from_secs(seconds);
    step - Duration::from_nanos(now.0 % (seconds * 1_000_000_000))
}

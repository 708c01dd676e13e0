//! From a key to what it does here, and from here to the keys worth naming.

use std::fmt::Write as _;

use super::App;
use super::action::{ACTIONS, Action, Place, Row};
use super::key::Key;

/// The row a key reaches in a place.
pub fn find(place: Place, key: Key) -> Option<&'static Row> {
    place.reach().find_map(|place| ACTIONS.iter().find(|row| row.place == place && row.keys.contains(&key)))
}

/// What a key does in a place; `None` where it is only text, or nothing.
pub fn lookup(place: Place, key: Key) -> Option<Action> {
    find(place, key).map(|row| row.action)
}

/// The rows of one place, in the table's order.
pub fn rows(place: Place) -> impl Iterator<Item = &'static Row> {
    ACTIONS.iter().filter(move |row| row.place == place)
}

/// What the keys do here and now, most useful first; only what can be done. Each action once.
pub fn hints(app: &App) -> Vec<(Key, &'static str)> {
    let mut found: Vec<&Row> = Vec::new();
    for row in app.place().reach().flat_map(rows) {
        // Enter and `i` both type to a socket: one of them is enough.
        let told = found.iter().any(|other| other.action == row.action);
        if row.rank > 0 && !told && app.can(row.action) {
            found.push(row);
        }
    }
    found.sort_by_key(|row| row.rank);
    found.iter().filter_map(|row| Some((*row.keys.first()?, app.label(row)))).collect()
}

/// The keys of a row as one reads them: `: or ^P`.
pub fn names(keys: &[Key]) -> String {
    keys.iter().map(Key::to_string).collect::<Vec<_>>().join(" or ")
}

/// The whole table for the README.
pub fn markdown() -> String {
    let mut out = String::new();
    for place in Place::ALL {
        let _ = writeln!(out, "\n**{}**\n\n| key | does |\n|---|---|", place.name());
        for row in rows(place) {
            let keys: Vec<_> = row.keys.iter().map(|key| format!("`{key}`")).collect();
            let _ = writeln!(out, "| {} | {} |", keys.join(" "), row.help);
        }
    }
    out
}

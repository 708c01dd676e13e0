//! The Markdown of it.

use crate::load::Outcome;
use crate::loads::{Kind, Load};

pub const HEAD: &str = "\
| load | | operations/s, bare | its | ratio | CPU us each, bare | its | ratio | p50 / p99 / p99.9 us, bare | its | p99 | MB | lost |
|---|---|---|---|---|---|---|---|---|---|---|---|---|";

pub const IDLE_HEAD: &str = "\
| idle connections | | bare, KiB each | its | goal |
|---|---|---|---|---|";

/// The value in the middle, with the least and the most.
struct Spread {
    least: f64,
    middle: f64,
    most: f64,
}

impl Spread {
    fn of<T>(all: &[T], value: impl Fn(&T) -> f64) -> Self {
        let mut values: Vec<f64> = all.iter().map(value).filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        Self { least: at(0), middle: at(values.len() / 2), most: at(values.len().saturating_sub(1)) }
    }

    fn ratio(&self) -> String {
        format!("**{:.2}** ({:.2} to {:.2})", self.middle, self.least, self.most)
    }
}

type Pair = (Outcome, Outcome);

fn rate(outcome: &Outcome) -> f64 {
    outcome.operations as f64 / outcome.seconds
}

fn cpu(outcome: &Outcome) -> f64 {
    outcome.cpu * 1e6 / outcome.operations as f64
}

/// A rate as people write it; bulk is what its writes of 16 KiB come to.
fn many(load: &Load, rate: f64) -> String {
    let size = match load.kind {
        Kind::Bulk => 16 << 10,
        Kind::Messages { size, depth, .. } if depth > 1 => size,
        _ => 0,
    };
    match size {
        0 if rate >= 1e6 => format!("{:.2} M", rate / 1e6),
        0 => format!("{:.1} k", rate / 1e3),
        size => format!("{:.2} GB", rate * size as f64 / 1e9),
    }
}

pub fn row(load: &Load, name: &str, pairs: &[Pair]) -> String {
    let side = |value: &dyn Fn(&Outcome) -> f64| {
        let middle = |pick: fn(&Pair) -> &Outcome| Spread::of(pairs, |pair| value(pick(pair))).middle;
        (middle(|pair| &pair.0), middle(|pair| &pair.1))
    };
    let (rates, cpus) = (side(&rate), side(&cpu));
    let (p50, p99, p999) = (side(&|one| one.p50), side(&|one| one.p99), side(&|one| one.p999));
    let memory = side(&|one| one.memory as f64 / 1024.0);
    let faster = Spread::of(pairs, |(bare, its)| rate(its) / rate(bare));
    let cheaper = Spread::of(pairs, |(bare, its)| cpu(bare) / cpu(its));
    let slower = Spread::of(pairs, |(bare, its)| its.p99 / bare.p99);
    let goal = load.goal.map_or_else(String::new, |goal| format!(", goal {goal:.2}"));
    let lost = pairs.iter().fold((0, 0), |(bare, its), pair| (bare + pair.0.lost, its + pair.1.lost));
    format!(
        "| {} | {name} | {} | {} | {} | {:.2} | {:.2} | {}{goal} | {:.0} / {:.0} / {:.0} | {:.0} / {:.0} / {:.0} | {:.2} | {:.1} / {:.1} | {} |",
        load.title,
        many(load, rates.0),
        many(load, rates.1),
        faster.ratio(),
        cpus.0,
        cpus.1,
        cheaper.ratio(),
        p50.0,
        p99.0,
        p999.0,
        p50.1,
        p99.1,
        p999.1,
        slower.middle,
        memory.0,
        memory.1,
        if lost == (0, 0) { String::new() } else { format!("{} / {}", lost.0, lost.1) },
    )
}

pub fn idle_row(load: &Load, name: &str, bare: Outcome, its: Outcome) -> String {
    let each = |one: Outcome| one.memory as f64 / one.operations as f64;
    let goal = load.goal.map_or_else(String::new, |goal| format!("{goal:.0}"));
    format!("| {} {} | {name} | {:.1} | {:.1} | {goal} |", its.operations, load.title, each(bare), each(its))
}

//! How numbers of a socket went lately: a line of bars each, between its least and its most.

use std::time::Duration;

use ratatui::text::Line;

use super::cells::span;
use super::theme::Theme;
use crate::model::size;
use crate::model::view::{Measure, Series};

/// Columns of a name, and of the newest value.
const NAME: usize = 14;
const VALUE: usize = 8;
/// Columns of bars under which they say nothing.
const LEAST: usize = 4;
const BARS: [char; 7] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇'];

/// A block of the details page, or nothing where nothing was sampled. What was zero all the time has no line.
pub fn lines(series: &[Series], width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(first) = series.first() else { return Vec::new() };
    let title = match first.values.len() {
        1 => "  1 sample".into(),
        many => format!("  {many} samples in {}", size::age(first.over)),
    };
    let mut lines = vec![Line::from(vec![span("history", theme.bright), span(title, theme.dim)])];
    for series in series.iter().filter(|series| series.values.iter().any(|value| *value > 0)) {
        let room = width.saturating_sub(NAME + VALUE + 2);
        let newest = value(series.measure, series.values.last().copied().unwrap_or(0));
        let mut line = Line::from(span(format!("{:<NAME$}", series.name), theme.dim));
        if room >= LEAST {
            let bars = bars(&series.values, room);
            line.push_span(span(format!("{bars:<room$}", room = room.min(series.values.len())), theme.accent));
        }
        line.push_span(span(format!("  {newest}"), theme.plain));
        let (least, most) = bounds(&series.values);
        let range = format!("  {} to {}", value(series.measure, least), value(series.measure, most));
        if line.width() + range.chars().count() <= width && least < most {
            line.push_span(span(range, theme.dim));
        }
        lines.push(line);
    }
    lines.push(Line::default());
    lines
}

fn bounds(values: &[u64]) -> (u64, u64) {
    let least = values.iter().copied().min().unwrap_or(0);
    (least, values.iter().copied().max().unwrap_or(0))
}

/// The newest that fit. The most of all is the tallest; what stands still is low, and zero is the lowest.
fn bars(values: &[u64], columns: usize) -> String {
    let (_, most) = bounds(values);
    let newest = &values[values.len().saturating_sub(columns)..];
    let (most, top) = (u128::from(most.max(1)), BARS.len() as u128 - 1);
    let bar = |value: &u64| BARS[usize::try_from((u128::from(*value) * top).div_ceil(most)).unwrap_or(0)];
    newest.iter().map(bar).collect()
}

fn value(measure: Measure, n: u64) -> String {
    match measure {
        Measure::Micros => size::span(Duration::from_micros(n)),
        Measure::Bytes => size::bytes(n),
        Measure::Segments => size::exact(n),
        Measure::Rate => format!("{}/s", size::bytes(n)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::theme::Depth;

    fn text(lines: &[Line<'_>]) -> Vec<String> {
        let line = |line: &Line<'_>| line.spans.iter().map(|span| &*span.content).collect::<String>();
        lines.iter().map(line).map(|line| line.trim_end().to_owned()).collect()
    }

    fn series(name: &'static str, measure: Measure, values: &[u64]) -> Series {
        Series { name, measure, over: Duration::from_secs(90), values: values.to_vec() }
    }

    #[test]
    fn a_number_is_drawn_between_nothing_and_its_most() {
        let all = [
            series("rtt", Measure::Micros, &[42, 42, 84, 21, 0, 84]),
            series("cwnd", Measure::Segments, &[10, 10, 10, 10, 10, 10]),
            series("retransmits", Measure::Segments, &[0, 0, 0, 0, 0, 0]),
            series("delivery rate", Measure::Rate, &[0, u64::MAX, 5_000_000_000, 0, u64::MAX / 2, 9_000_000]),
            series("send queue", Measure::Bytes, &[0, 0, 0, 1, 65_536, 0]),
        ];
        let theme = Theme::new(Depth::Mono);
        assert_eq!(
            text(&lines(&all, 60, &theme)),
            [
                "history  6 samples in 1m",
                "rtt           ▄▄▇▃▁▇  84 µs  0 ns to 84 µs",
                "cwnd          ▇▇▇▇▇▇  10",
                "delivery rate ▁▇▂▁▄▂  9.0 MB/s  0 B/s to 18 EB/s",
                "send queue    ▁▁▁▂▇▁  0 B  0 B to 66 kB",
                ""
            ]
        );
    }

    #[test]
    fn no_width_is_too_narrow_and_no_line_too_wide() {
        let values: Vec<u64> = (0..60).collect();
        let all = [series("rtt", Measure::Micros, &values), series("none", Measure::Bytes, &[])];
        let theme = Theme::new(Depth::Mono);
        for width in 0..140 {
            for line in lines(&all, width, &theme).iter().skip(1).filter(|_| width >= NAME + VALUE + 2) {
                assert!(line.width() <= width, "{width}: {}", line.width());
            }
        }
        assert!(lines(&[], 80, &theme).is_empty());
    }
}

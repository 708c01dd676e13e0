//! Sizes and durations, written for people and read from them.

use std::time::Duration;

/// At most four digits and an SI unit: `0`, `999`, `1.2k`, `34k`, `3.41M`.
pub fn si(n: u64) -> String {
    const UNITS: [&str; 6] = ["k", "M", "G", "T", "P", "E"];
    if n < 1000 {
        return n.to_string();
    }
    let mut value = n as f64;
    let mut unit = "";
    for next in UNITS {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    match value {
        v if v < 9.95 => format!("{v:.1}{unit}"),
        v => format!("{v:.0}{unit}"),
    }
}

/// Bytes with a space and their unit: `20 B`, `1.2 kB`, `3.4 MB`.
pub fn bytes(n: u64) -> String {
    let text = si(n);
    match text.find(|c: char| c.is_ascii_alphabetic()) {
        Some(at) => format!("{} {}B", &text[..at], &text[at..]),
        None => format!("{text} B"),
    }
}

/// A bound as it is configured, in the largest unit of 1024 that it is a whole number of: `16MiB`.
pub fn bound(n: u64) -> String {
    const UNITS: [(u32, &str); 3] = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let fits = UNITS.into_iter().find(|(bits, _)| n > 0 && n.trailing_zeros() >= *bits);
    fits.map_or_else(|| format!("{n}B"), |(bits, unit)| format!("{}{unit}", n >> bits))
}

/// A count with thousands separated: `65,536`.
pub fn exact(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A duration in the unit that fits, three digits: `0 ns`, `14 us` (with the micro sign), `254 ms`, `2.41 s`.
pub fn span(time: Duration) -> String {
    let ns = time.as_nanos();
    let (value, unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (ns as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => (ns as f64 / 1e6, "ms"),
        1_000_000_000..60_000_000_000 => (ns as f64 / 1e9, "s"),
        _ => return age(time),
    };
    match value {
        v if v < 9.995 => format!("{v:.2} {unit}"),
        v if v < 99.95 && unit == "s" => format!("{v:.1} {unit}"),
        v => format!("{v:.0} {unit}"),
    }
}

/// An age that changes rarely: `12s`, `3m`, `2h`, `4d`.
pub fn age(time: Duration) -> String {
    match time.as_secs() {
        s @ 0..60 => format!("{s}s"),
        s @ 60..3600 => format!("{}m", s / 60),
        s @ 3600..86_400 => format!("{}h", s / 3600),
        s => format!("{}d", s / 86_400),
    }
}

/// How long until [`age`] says something else.
pub fn age_changes_in(time: Duration) -> Duration {
    let step = match time.as_secs() {
        0..60 => 1,
        60..3600 => 60,
        3600..86_400 => 3600,
        _ => 86_400,
    };
    let step = Duration::from_secs(step);
    step - Duration::from_nanos((time.as_nanos() % step.as_nanos()) as u64)
}

/// Reads `256MiB`, `64 kB`, `1000`. IEC units are powers of 1024, SI units of 1000.
///
/// # Errors
/// A sentence that says what was wrong and what would be right.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let bad = || format!("\"{text}\" is not a size: write a whole number and a unit, such as 256MiB or 64kB");
    let number: u64 = text[..digits].parse().map_err(|_| bad())?;
    let unit: u64 = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "ki" | "kib" => 1 << 10,
        "mi" | "mib" => 1 << 20,
        "gi" | "gib" => 1 << 30,
        _ => return Err(bad()),
    };
    number.checked_mul(unit).ok_or_else(bad)
}

/// Reads `500ms`, `10s`, `2m`, `1h`.
///
/// # Errors
/// A sentence that says what was wrong and what would be right.
pub fn parse_span(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let bad = || format!("\"{text}\" is not a duration: write a whole number and a unit, such as 500ms, 10s or 2m");
    let number: u64 = text[..digits].parse().map_err(|_| bad())?;
    let ms: u64 = match text[digits..].trim() {
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(bad()),
    };
    number.checked_mul(ms).map(Duration::from_millis).ok_or_else(bad)
}

/// Writes a duration so that [`parse_span`] reads it back, in whole milliseconds.
pub fn write_span(span: Duration) -> String {
    let ms = span.as_millis();
    match ms {
        _ if ms == 0 || !ms.is_multiple_of(1000) => format!("{ms}ms"),
        _ if ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
        _ if ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
        _ => format!("{}s", ms / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bound_reads_as_it_is_configured() {
        for text in ["16MiB", "64KiB", "1GiB", "1000B", "0B", "1025B", "3MiB"] {
            assert_eq!(bound(parse_bytes(text).unwrap()), text);
        }
    }

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1000, "1.0k"),
            (1234, "1.2k"),
            (9_949, "9.9k"),
            (9_950, "10k"),
            (999_499, "999k"),
            (999_500, "1.0M"),
            (3_410_000, "3.4M"),
        ];
        for (n, want) in cases {
            assert_eq!(si(n), want, "{n}");
        }
        assert_eq!(bytes(20), "20 B");
        assert_eq!(bytes(1234), "1.2 kB");
        assert_eq!(exact(65_536), "65,536");
        assert_eq!(exact(123), "123");
    }

    #[test]
    fn spans_fit_their_unit() {
        let cases = [
            (14_000, "14 µs"),
            (1_500, "1.50 µs"),
            (254_000_000, "254 ms"),
            (2_410_000_000, "2.41 s"),
            (61_000_000_000, "1m"),
        ];
        for (ns, want) in cases {
            assert_eq!(span(Duration::from_nanos(ns)), want);
        }
    }

    #[test]
    fn sizes_are_read_back() {
        assert_eq!(parse_bytes("256MiB"), Ok(256 << 20));
        assert_eq!(parse_bytes("64 kB"), Ok(64_000));
        assert!(parse_bytes("many").unwrap_err().contains("256MiB"));
        assert_eq!(parse_span("500ms"), Ok(Duration::from_millis(500)));
        assert!(parse_span("5").unwrap_err().contains("10s"));
    }

    proptest! {
        #[test]
        fn si_is_at_most_four_characters(n in any::<u64>()) {
            prop_assert!(si(n).len() <= 4, "{}", si(n));
        }

        #[test]
        fn sizes_and_spans_never_panic(text in ".{0,12}") {
            let _ = parse_bytes(&text);
            let _ = parse_span(&text);
        }
    }
}

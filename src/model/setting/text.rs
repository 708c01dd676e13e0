//! Values as texts and back: one way to write each kind, wherever it stands.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::draft::unescape;
use crate::model::size;
use crate::model::spec::Escaped;

/// A kind of value that has a text.
pub trait Text: Sized {
    /// # Errors
    /// What was wrong and what would be right.
    fn read(text: &str) -> Result<Self, String>;
    fn write(&self) -> String;
}

/// Reads a text into its place; a bad one leaves it as it was.
///
/// # Errors
/// See [`Text::read`].
pub fn put<T: Text>(place: &mut T, text: &str) -> Result<(), String> {
    *place = T::read(text.trim())?;
    Ok(())
}

/// The same for a number within bounds.
///
/// # Errors
/// No whole number, or out of bounds.
pub fn put_number(place: &mut u32, text: &str, range: RangeInclusive<u32>) -> Result<(), String> {
    *place = text.trim().parse().ok().filter(|n| range.contains(n)).ok_or_else(|| {
        format!("\"{text}\" does not fit: write a whole number from {} to {}", range.start(), range.end())
    })?;
    Ok(())
}

impl Text for bool {
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "yes" | "true" | "on" => Ok(true),
            "no" | "false" | "off" => Ok(false),
            _ => Err(format!("\"{text}\" is neither yes nor no")),
        }
    }

    fn write(&self) -> String {
        if *self { "yes" } else { "no" }.into()
    }
}

/// What stands for nothing.
fn is_off(text: &str) -> bool {
    matches!(text, "" | "off" | "none")
}

impl Text for Option<Duration> {
    fn read(text: &str) -> Result<Self, String> {
        if is_off(text) {
            return Ok(None);
        }
        match size::parse_span(text)? {
            Duration::ZERO => Err("a time of nothing would never stop firing: write one such as 30s, or off".into()),
            span => Ok(Some(span)),
        }
    }

    fn write(&self) -> String {
        self.map_or_else(|| "off".into(), size::write_span)
    }
}

/// A size in bytes, or the system's own choice.
impl Text for Option<u64> {
    fn read(text: &str) -> Result<Self, String> {
        if is_off(text) || text == "default" { Ok(None) } else { size::parse_bytes(text).map(Some) }
    }

    fn write(&self) -> String {
        self.map_or_else(|| "default".into(), |bytes| bytes.to_string())
    }
}

impl Text for Option<String> {
    fn read(text: &str) -> Result<Self, String> {
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    fn write(&self) -> String {
        self.clone().unwrap_or_default()
    }
}

impl Text for Option<PathBuf> {
    fn read(text: &str) -> Result<Self, String> {
        Ok((!text.is_empty()).then(|| PathBuf::from(text)))
    }

    fn write(&self) -> String {
        self.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
    }
}

impl Text for Escaped {
    fn read(text: &str) -> Result<Self, String> {
        unescape(text).map(|bytes| Self(bytes.into())).map_err(|rejection| rejection.0)
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Text for Option<Escaped> {
    fn read(text: &str) -> Result<Self, String> {
        Escaped::read(text).map(|bytes| (!bytes.0.is_empty()).then_some(bytes))
    }

    fn write(&self) -> String {
        self.as_ref().map(Escaped::to_string).unwrap_or_default()
    }
}

/// Words with spaces between them; none of them has one inside.
impl Text for Vec<String> {
    fn read(text: &str) -> Result<Self, String> {
        Ok(text.split_whitespace().map(str::to_owned).collect())
    }

    fn write(&self) -> String {
        self.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_wrong_is_said() {
        assert!(bool::read("maybe").unwrap_err().contains("neither yes nor no"));
        assert!(Option::<Duration>::read("0s").unwrap_err().contains("never stop firing"));
        assert!(Option::<u64>::read("lots").unwrap_err().contains("not a size"));
        let mut n = 7;
        assert!(put_number(&mut n, "9", 1..=8).unwrap_err().contains("from 1 to 8"));
        assert_eq!(n, 7);
    }

    proptest! {
        #[test]
        fn spans_read_what_they_write(ms in 1u64..10_000_000) {
            let span = Some(Duration::from_millis(ms));
            prop_assert_eq!(Option::<Duration>::read(&span.write()).unwrap(), span);
        }

        #[test]
        fn sizes_read_what_they_write(bytes in any::<u32>()) {
            let size = Some(u64::from(bytes));
            prop_assert_eq!(Option::<u64>::read(&size.write()).unwrap(), size);
        }
    }
}

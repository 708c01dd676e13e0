//! The workbench for the screen: a wish is read as the command line reads it, done by the same functions, and
//! answered with the store as it is then.

use std::ffi::OsString;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{Bench, Cert, Report, read, stem};
use crate::model::workbench::{Outcome, Refusal, Shelf, Told, Wish};
use crate::pki::{Cause, Error};

/// Does a step, if one is asked for, and reads the store. Blocks: an RSA key takes seconds.
pub fn answer(folder: &Path, ticket: u64, wish: Option<&Wish>) -> Told {
    let outcome = wish.map_or(Outcome::Looked, |wish| perform(folder, wish));
    Told { ticket, outcome, shelf: shelf(folder) }
}

fn shelf(folder: &Path) -> Shelf {
    let trouble =
        |text: String| Shelf { folder: folder.display().to_string(), trouble: Some(text), ..Shelf::default() };
    let shelf = match read(["list"].map(OsString::from)) {
        Ok(cert) => Bench::new(&cert, folder).shelf().unwrap_or_else(|Error(text, _)| trouble(text)),
        Err(error) => trouble(error.to_string()),
    };
    Shelf { is_usual: folder == super::folder(), ..shelf }
}

fn perform(folder: &Path, wish: &Wish) -> Outcome {
    let cert = match read(wish.words.iter().map(|word| at_home(word).into())) {
        Ok(cert) => cert,
        Err(error) => return Outcome::Refused(misread(&error)),
    };
    match Bench::new(&cert, folder).run(&cert.what) {
        Ok(report) => Outcome::Done { lines: lines(wish, report), name: kept(&cert) },
        Err(Error(text, cause)) => {
            let option = (cause == Cause::Locked).then(|| "passphrase-file".to_owned());
            Outcome::Refused(Refusal { text, option, is_taken: cause == Cause::Taken })
        }
    }
}

/// What it says, or which files were written.
fn lines(wish: &Wish, report: Report) -> Vec<String> {
    if wish.deed.step().is_some_and(|step| step.tells) {
        return report.lines.iter().flat_map(|line| line.lines().map(str::to_owned)).collect();
    }
    let wrote = format!("wrote {}", report.wrote.join(" "));
    let remark = report.fields.get("remark").and_then(|remark| remark.as_str());
    vec![remark.map_or(wrote.clone(), |remark| format!("{wrote}; {remark}"))]
}

/// The name it is kept under.
fn kept(cert: &Cert) -> Option<String> {
    cert.what.name().map(|name| stem(name).replace([':', '*'], "_"))
}

/// A shell would have done it: `~/x` and `--key=~/x`.
fn at_home(word: &str) -> String {
    let Ok(home) = std::env::var("HOME") else { return word.to_owned() };
    match (word.strip_prefix("~/"), word.split_once("=~/")) {
        (Some(rest), _) => format!("{home}/{rest}"),
        (None, Some((option, rest))) if option.starts_with("--") => format!("{option}={home}/{rest}"),
        _ => word.to_owned(),
    }
}

/// What clap says, for the field it is about.
pub(super) fn misread(error: &clap::Error) -> Refusal {
    let argument = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(one)) => Some(one.clone()),
        Some(ContextValue::Strings(some)) => some.first().cloned(),
        _ => None,
    };
    // `--days <DAYS>`, or `<NAME>` for a word without a name.
    let option = argument.map(|argument| match argument.strip_prefix("--") {
        Some(rest) => rest.split([' ', '=']).next().unwrap_or(rest).to_owned(),
        None => String::new(),
    });
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    let text = match error.kind() {
        ErrorKind::MissingRequiredArgument => "this is needed: it cannot be empty".to_owned(),
        ErrorKind::ValueValidation => first.split_once(">': ").map_or(first, |(_, reason)| reason).to_owned(),
        _ => first.to_owned(),
    };
    Refusal { text, option, is_taken: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::workbench::{Begins, Deed, How, Look, STEPS, Standing};

    /// A form as it begins, but for what is said.
    fn wish(deed: Deed, said: &[(&str, &str)]) -> Wish {
        let step = deed.step().unwrap();
        let text = |label: &str, begins| {
            let said = said.iter().find(|(other, _)| *other == label).map(|(_, text)| *text);
            said.unwrap_or(match begins {
                Begins::With(text) => text,
                Begins::Selected => "",
                Begins::Authority => "ca",
            })
        };
        Wish::new(step, step.fields.iter().map(|field| (field, text(field.label, field.begins).to_owned())))
    }

    fn refused(told: &Told) -> &Refusal {
        match &told.outcome {
            Outcome::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_step_of_the_screen_is_a_command() {
        for step in STEPS {
            let texts = step.fields.iter().map(|field| {
                let text = match (field.look, field.how) {
                    (Look::Choice(options), _) => options[options.len() - 1],
                    (_, How::Option("days" | "path-length")) => "7",
                    (Look::Line(example), _) => example,
                };
                (field, text.to_owned())
            });
            let mut wish = Wish::new(step, texts);
            if step.fields.is_empty() {
                wish = Wish::of(step, "x");
                wish = step.sure.map_or(wish.clone(), |sure| wish.and(sure));
            }
            let read = read(wish.words.iter().map(Into::into));
            assert!(read.is_ok(), "{}: {}", wish.command(), read.unwrap_err());
        }
    }

    #[test]
    fn a_step_is_done_and_the_store_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let told = answer(dir.path(), 7, Some(&wish(Deed::For, &[])));
        assert_eq!(
            told.outcome,
            Outcome::Done {
                lines: vec!["wrote ca.key ca.crt localhost.key localhost.csr localhost.crt".into()],
                name: Some("localhost".into())
            }
        );
        let [ca, leaf] = &told.shelf.entries[..] else { panic!("{:?}", told.shelf) };
        assert_eq!((ca.role, ca.is_ca, ca.kept.as_slice()), ("root CA", true, &["key", "crt"][..]));
        assert_eq!((leaf.role, leaf.kind.as_str(), leaf.standing), ("server", "ECDSA P-256", Standing::Good));
        assert_eq!((leaf.validity.as_str(), leaf.names.join(" ").as_str()), ("90 days left", "localhost 127.0.0.1"));
        let text: String = leaf.tree.iter().map(|line| line.value.clone()).collect();
        assert!(text.contains("CN=sockscope local CA") && !text.contains("PRIVATE KEY"), "{text}");

        let step = Deed::Revoke.step().unwrap();
        let told = answer(dir.path(), 8, Some(&Wish::of(step, "localhost")));
        assert!(told.shelf.entries[1].revoked, "{told:?}");
        let told = answer(dir.path(), 9, Some(&wish(Deed::Verify, &[("name", "localhost")])));
        assert!(refused(&told).text.contains("revoked by its issuer"), "{told:?}");
    }

    #[test]
    fn what_is_wrong_is_said_at_its_field() {
        let dir = tempfile::tempdir().unwrap();
        let told = |wish: Wish| answer(dir.path(), 1, Some(&wish));
        for (wish, option, want) in [
            (wish(Deed::Key, &[]), Some(""), "this is needed"),
            (wish(Deed::For, &[("days", "many")]), Some("days"), "\"many\" is not a number"),
            (wish(Deed::For, &[("days", "-4")]), None, "-4 days is no lifetime"),
            (wish(Deed::Ca, &[("subject", "X=1")]), None, "no attribute of a subject"),
            (wish(Deed::Sign, &[("name", "nothing")]), None, "there is no such file"),
        ] {
            let told = told(wish);
            let refusal = refused(&told);
            assert_eq!(refusal.option.as_deref(), option, "{refusal:?}");
            assert!(refusal.text.contains(want), "{refusal:?}");
        }
        told(wish(Deed::Key, &[("name", "a")]));
        assert!(refused(&told(wish(Deed::Key, &[("name", "a")]))).is_taken);
        assert!(matches!(told(wish(Deed::Key, &[("name", "a")]).and("--replace")).outcome, Outcome::Done { .. }));
        let told = told(wish(Deed::Pkcs12, &[("name", "a")]));
        assert!(told.shelf.entries[0].role == "key" && matches!(told.outcome, Outcome::Refused(_)), "{told:?}");
    }

    #[test]
    fn a_private_key_is_told_only_to_who_is_sure() {
        let dir = tempfile::tempdir().unwrap();
        answer(dir.path(), 1, Some(&wish(Deed::Key, &[("name", "a")])));
        let step = Deed::Private.step().unwrap();
        let unsure = answer(dir.path(), 2, Some(&Wish::of(step, "a")));
        assert!(refused(&unsure).text.contains("--yes"), "{unsure:?}");
        let sure = answer(dir.path(), 2, Some(&Wish::of(step, "a").and(step.sure.unwrap())));
        let Outcome::Done { lines, .. } = sure.outcome else { panic!("{sure:?}") };
        assert_eq!(lines.first().map(String::as_str), Some("-----BEGIN PRIVATE KEY-----"));
    }

    #[test]
    fn a_store_that_cannot_be_read_says_so() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let told = answer(file.path(), 1, None);
        assert!(told.shelf.trouble.as_deref().unwrap_or_default().contains("cannot read the store"), "{told:?}");
    }
}

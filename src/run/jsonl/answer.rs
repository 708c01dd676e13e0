//! `answer`: steps of an answer by hand, in one line as many as are wanted.

use bytes::Bytes;
use serde::Deserialize;

use super::command::{Command, Fields, subject, typed};
use crate::app::effect::Target;
use crate::model::draft::{Coding, Rejection, encode};
use crate::model::headers::Headers;
use crate::model::id::Subject;
use crate::net::http::{Step, code, event, patch, status, trailers};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    socket: Option<u32>,
    endpoint: Option<u32>,
    exchange: Option<u32>,
    /// Changes the head that is to leave.
    set: Option<Head>,
    /// The same, and it leaves.
    head: Option<Head>,
    body: Option<String>,
    escapes: Option<String>,
    hex: Option<String>,
    event: Option<Event>,
    #[serde(default)]
    end: bool,
    trailers: Option<Headers>,
    /// An error code's name.
    reset: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Head {
    status: Option<u16>,
    reason: Option<String>,
    headers: Headers,
}

/// A server-sent event: its data, or its fields.
#[derive(Deserialize)]
#[serde(untagged)]
enum Event {
    Data(String),
    Fields(EventFields),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventFields {
    event: Option<String>,
    id: Option<String>,
    retry: Option<u64>,
    data: Option<String>,
}

pub(super) fn answer(fields: Fields) -> Result<Command, String> {
    let answer: Answer = typed(fields)?;
    let to = match (subject(answer.socket, answer.endpoint)?, answer.exchange) {
        (Some(Subject::Socket(id)), None) => Target::Socket(id),
        (Some(Subject::Socket(id)), Some(number)) => Target::Exchange(id, number),
        (Some(Subject::Endpoint(id)), None) => Target::All(id),
        (Some(Subject::Endpoint(_)), Some(_)) => return Err("\"exchange\" goes with its \"socket\"".into()),
        (None, _) => {
            return Err("give \"socket\":ID, or \"endpoint\":ID for one exchange on each of its sockets".into());
        }
    };
    steps(answer).map(|steps| Command::Answer { to, steps })
}

/// In the order in which an answer has them.
fn steps(answer: Answer) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    if let Some(head) = answer.set {
        steps.push(Step::Set(patch(&head.text()?).map_err(told)?));
    }
    if let Some(head) = answer.head {
        steps.push(match head.text()? {
            text if text.is_empty() => Step::Head(Default::default()),
            text => Step::Head(patch(&text).map_err(told)?),
        });
    }
    let bodies = [(Coding::Text, answer.body), (Coding::Escapes, answer.escapes), (Coding::Hex, answer.hex)];
    let mut bodies = bodies.into_iter().filter_map(|(coding, text)| Some((coding, text?)));
    if let Some((coding, text)) = bodies.next() {
        steps.push(Step::Body(encode(&text, coding).map_err(told)?.into()));
    }
    if bodies.next().is_some() {
        return Err("give only one of \"body\", \"escapes\" and \"hex\"".into());
    }
    steps.extend(answer.event.map(|event| Step::Event(event.bytes())));
    match (answer.end, answer.trailers) {
        (true, fields) => {
            let lines = fields.map(|fields| fields.lines()).transpose()?.unwrap_or_default();
            steps.push(Step::End(trailers(&lines).map_err(told)?));
        }
        (false, Some(_)) => return Err("\"trailers\" go with \"end\":true".into()),
        (false, None) => {}
    }
    if let Some(name) = answer.reset {
        steps.push(Step::Reset(code(&name).map_err(told)?));
    }
    if steps.is_empty() {
        return Err(
            "give what to do: \"set\", \"head\", \"body\", \"escapes\", \"hex\", \"event\", \"end\" or \"reset\""
                .into(),
        );
    }
    Ok(steps)
}

fn told(rejection: Rejection) -> String {
    rejection.0
}

impl Head {
    /// As one types it.
    fn text(&self) -> Result<String, String> {
        let first = match (self.status, &self.reason) {
            (None, None) => String::new(),
            (None, Some(_)) => return Err("a \"reason\" stands behind its \"status\"".into()),
            (Some(code), _) if !(100..=599).contains(&code) => {
                return Err(status(&code.to_string()).err().map_or_else(String::new, told));
            }
            (Some(status), reason) => {
                let reason = reason.as_deref().unwrap_or_default();
                if reason.chars().any(char::is_control) {
                    return Err("a \"reason\" is one line".into());
                }
                format!("{status:03} {reason}\n")
            }
        };
        Ok(first + &self.headers.lines()?)
    }
}

impl Event {
    fn bytes(self) -> Bytes {
        let fields = match self {
            Self::Data(data) => EventFields { event: None, id: None, retry: None, data: Some(data) },
            Self::Fields(fields) => fields,
        };
        let line = |text: String| text.replace(['\r', '\n'], " ");
        let mut text = String::new();
        let mut put = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                text.push_str(&format!("{name}: {value}\n"));
            }
        };
        put("event", fields.event.map(line));
        put("id", fields.id.map(line));
        put("retry", fields.retry.map(|ms| ms.to_string()));
        for data in fields.data.iter().flat_map(|data| data.split('\n')) {
            put("data", Some(data.trim_end_matches('\r').to_owned()));
        }
        event(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::{EndpointId, SocketId};
    use crate::run::jsonl::parse_command;

    #[test]
    fn a_whole_answer_is_one_line() {
        let line = r#"{"command":"answer","socket":3,"exchange":2,"set":{"headers":{"x-a":"b"}},
            "head":{"status":201,"reason":"Made","headers":{"x-c":"d"}},"body":"hi","event":{"event":"tick","data":"a\nb"},
            "end":true,"trailers":{"x-sum":"7"}}"#;
        let Ok(Command::Answer { to, steps }) = parse_command(line) else { panic!("no answer") };
        assert_eq!(to, Target::Exchange(SocketId(3), 2));
        let [Step::Set(set), Step::Head(head), Step::Body(body), Step::Event(event), Step::End(trailers)] = &steps[..]
        else {
            panic!("{steps:?}")
        };
        assert_eq!((set.status, set.headers.len(), head.status.unwrap().as_u16()), (None, 1, 201));
        assert_eq!((&body[..], &event[..]), (&b"hi"[..], &b"event: tick\ndata: a\ndata: b\n\n"[..]));
        assert_eq!(trailers.len(), 1);
        let all = parse_command(r#"{"command":"answer","endpoint":1,"event":"x"}"#).unwrap();
        assert_eq!(
            all,
            Command::Answer { to: Target::All(EndpointId(1)), steps: vec![Step::Event("data: x\n\n".into())] }
        );
        let head = parse_command(r#"{"command":"answer","socket":1,"head":{}}"#);
        assert!(matches!(head, Ok(Command::Answer { .. })), "{head:?}");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (fields, want) in [
            (r#""socket":1"#, "give what to do"),
            (r#""end":true"#, "give \\\"socket\\\""),
            (r#""endpoint":1,"exchange":1,"end":true"#, "goes with its"),
            (r#""socket":1,"trailers":{"a":"b"}"#, "go with \\\"end\\\""),
            (r#""socket":1,"head":{"status":99}"#, "no status"),
            (r#""socket":1,"head":{"reason":"x"}"#, "behind its"),
            (r#""socket":1,"body":"a","hex":"00""#, "only one of"),
            (r#""socket":1,"head":{"headers":{"a b":"c"}}"#, "cannot be sent"),
        ] {
            let error = parse_command(&format!("{{\"command\":\"answer\",{fields}}}")).unwrap_err();
            assert!(format!("{error:?}").contains(want), "{fields}: {error}");
        }
    }
}

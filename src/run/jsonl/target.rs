//! Whom `send` is for: exactly one way to say it.

use crate::app::effect::Target;
use crate::model::id::{SocketId, Subject};

/// Reads it from the fields that a command had.
///
/// # Errors
/// Two ways at once, or none.
pub fn target(
    subject: Option<Subject>,
    sockets: Option<Vec<u32>>,
    filter: Option<String>,
    address: Option<String>,
) -> Result<Target, String> {
    match (subject, sockets, filter, address) {
        (None, Some(ids), None, None) => Ok(Target::These(ids.into_iter().map(SocketId).collect())),
        (_, Some(_), ..) => {
            Err("\"sockets\" stands alone: no \"socket\", \"endpoint\", \"filter\" or \"address\"".into())
        }
        (Some(Subject::Endpoint(id)), None, Some(filter), None) => Ok(Target::Matching(id, filter)),
        (_, None, Some(_), _) => Err("\"filter\" goes with the \"endpoint\" whose sockets it picks".into()),
        (Some(Subject::Endpoint(id)), None, None, Some(address)) => Ok(Target::Address(id, address)),
        (_, None, None, Some(_)) => Err("\"address\" goes with the \"endpoint\" that is to send".into()),
        (Some(Subject::Socket(id)), None, None, None) => Ok(Target::Socket(id)),
        (Some(Subject::Endpoint(id)), None, None, None) => Ok(Target::All(id)),
        (None, None, None, None) => Err("give \"socket\":ID, or \"endpoint\":ID for all its open sockets".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::EndpointId;

    #[test]
    fn there_is_one_way_to_say_each() {
        let endpoint = Some(Subject::Endpoint(EndpointId(1)));
        let socket = Some(Subject::Socket(SocketId(3)));
        let text = || Some("a".to_owned());
        assert_eq!(target(None, Some(vec![3, 5]), None, None), Ok(Target::These(vec![SocketId(3), SocketId(5)])));
        assert_eq!(target(endpoint, None, text(), None), Ok(Target::Matching(EndpointId(1), "a".into())));
        assert_eq!(target(endpoint, None, None, text()), Ok(Target::Address(EndpointId(1), "a".into())));
        assert_eq!(target(endpoint, None, None, None), Ok(Target::All(EndpointId(1))));
        assert_eq!(target(socket, None, None, None), Ok(Target::Socket(SocketId(3))));
        for (subject, sockets, filter, address, says) in [
            (endpoint, Some(vec![3]), None, None, "stands alone"),
            (socket, None, text(), None, "\"filter\" goes with"),
            (endpoint, None, text(), text(), "\"filter\" goes with"),
            (socket, None, None, text(), "\"address\" goes with"),
            (None, None, None, None, "give \"socket\""),
        ] {
            assert!(target(subject, sockets, filter, address).unwrap_err().contains(says), "{says}");
        }
    }
}

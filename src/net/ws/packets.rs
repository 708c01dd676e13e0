//! Names the Engine.IO and Socket.IO packets inside messages, where it is certain that there are any. Passive: it
//! sees each message as the watch recorded it, and records one event more.

use crate::hub::Recorder;
use crate::model::event::{Form, Kind, Way};
use crate::model::socketio::{Head, Packet, Type, head as head_of};
use crate::model::time::{Clock, Stamp, nanos};

/// Bytes of the arguments that are kept with a packet: the message before it has them all.
const KEPT: usize = 512;

/// See the module.
pub struct Packets {
    clock: Clock,
    /// The ping that is not answered yet, and who sent it.
    ping: Option<(Way, Stamp)>,
    received: Binary,
    sent: Binary,
}

/// The attachments that a binary packet announced.
#[derive(Default)]
struct Binary {
    wanted: u32,
    seen: u32,
}

impl Packets {
    pub fn new(clock: Clock) -> Self {
        Self { clock, ping: None, received: Binary::default(), sent: Binary::default() }
    }

    /// A whole message of `size` bytes, `head` the first of them.
    pub fn message(&mut self, to: &Recorder, way: Way, form: Form, size: u64, head: &[u8]) {
        if form != Form::Text {
            return to.event(Kind::Packet { way, packet: Box::new(self.attachment(way)) });
        }
        // The cut may have gone through a character.
        let text = match std::str::from_utf8(head) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
        };
        let packet = Packet::read(text);
        *self.side(way) = Binary { wanted: packet.attachments, seen: 0 };
        let arguments = packet.arguments();
        let rtt = self.round_trip(way, packet.what);
        // What follows a cut is argument as well.
        let before = (arguments.as_ptr() as usize).saturating_sub(text.as_ptr() as usize) as u64;
        let cut = size > head.len() as u64 && !arguments.is_empty();
        let whole = if cut { size.saturating_sub(before) } else { arguments.len() as u64 };
        let kept = head_of(arguments, KEPT).as_bytes();
        to.payload_head(Kind::Packet { way, packet: Box::new(Head { rtt, ..Head::of(&packet) }) }, whole, kept);
    }

    fn side(&mut self, way: Way) -> &mut Binary {
        match way {
            Way::In => &mut self.received,
            Way::Out => &mut self.sent,
        }
    }

    /// A binary message: the next attachment, or Engine.IO's own where none was announced.
    fn attachment(&mut self, way: Way) -> Head {
        let binary = self.side(way);
        if binary.seen == binary.wanted {
            return Head { what: Type::Message, ..Head::default() };
        }
        binary.seen += 1;
        Head { what: Type::Attachment, index: binary.seen, attachments: binary.wanted, ..Head::default() }
    }

    /// How long a ping took to be answered.
    fn round_trip(&mut self, way: Way, what: Type) -> Option<u64> {
        match what {
            Type::Ping => {
                self.ping = Some((way, self.clock.now()));
                None
            }
            Type::Pong => {
                let (_, since) = self.ping.take_if(|(by, _)| *by != way)?;
                Some(nanos(self.clock.now().since(since)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::hub::{Birth, HEAD, Hub};
    use crate::model::event::Event;
    use crate::model::spec::{Limits, Spec};
    use crate::model::url::{Role, Scheme, Url};

    /// The packets of messages: who, form, bytes.
    fn packets(messages: &[(Way, Form, &[u8])]) -> Vec<(Event, Head)> {
        let hub = Hub::new(Clock::start(0), &Limits::default());
        let url = Url::parse("ws://:0", Role::Listen).unwrap();
        let (endpoint, _) = hub.add_endpoint(Arc::new(Spec::new(Role::Listen, url)));
        let peer = "127.0.0.1:5000".parse().unwrap();
        let birth = Birth { endpoint, scheme: Scheme::Ws, accepted: true, peer, local: None, handshakes: 0 };
        let (_, record) = hub.open(birth);
        let mut packets = Packets::new(hub.clock());
        for (way, form, bytes) in messages {
            packets.message(&record, *way, *form, bytes.len() as u64, &bytes[..bytes.len().min(HEAD)]);
        }
        let events = hub.events(record.subject(), 0, 1_000).unwrap().events;
        let told = events.into_iter().filter_map(|event| match &event.kind {
            Kind::Packet { packet, .. } => Some((event.clone(), (**packet).clone())),
            _ => None,
        });
        told.collect()
    }

    #[test]
    fn attachments_are_numbered_and_others_are_messages() {
        let (text, binary) = (Form::Text, Form::Binary);
        let announced = br#"452-["file",{"_placeholder":true,"num":0}]"#;
        let told = packets(&[
            (Way::In, text, announced),
            (Way::In, binary, b"one"),
            (Way::Out, binary, b"ours"),
            (Way::In, binary, b"two"),
            (Way::In, binary, b"three"),
        ]);
        let told: Vec<_> = told.iter().map(|(_, head)| (head.what, head.index, head.attachments)).collect();
        let wanted = [
            (Type::BinaryEvent, 0, 2),
            (Type::Attachment, 1, 2),
            (Type::Message, 0, 0),
            (Type::Attachment, 2, 2),
            (Type::Message, 0, 0),
        ];
        assert_eq!(told, wanted);
    }

    #[test]
    fn a_pong_is_timed_by_the_ping_of_the_other_side() {
        let text = Form::Text;
        let told =
            packets(&[(Way::Out, text, b"2"), (Way::Out, text, b"3"), (Way::In, text, b"3"), (Way::In, text, b"3")]);
        let timed: Vec<_> = told.iter().map(|(_, head)| head.rtt.is_some()).collect();
        assert_eq!(timed, [false, false, true, false]);
    }

    #[test]
    fn arguments_are_kept_in_part_and_counted_whole() {
        let long = format!("42[\"chat\",\"{}\"]", "é".repeat(5_000));
        let (event, head) = packets(&[(Way::In, Form::Text, long.as_bytes())]).remove(0);
        assert_eq!(head.name.as_deref(), Some("chat"));
        // Behind the cut stands the end of the list as well.
        assert_eq!(event.size, 10_000 + 3);
        assert_eq!(event.head.len(), KEPT - 1, "no half character");
    }

    proptest! {
        /// Whatever a peer sends: one packet a message, and nothing panics.
        #[test]
        fn any_message_is_survived(
            messages in prop::collection::vec(
                (any::<bool>(), prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..40),
                    "[0-6]{0,2}[0-9]{0,3}[-/,a-z]{0,6}[\\[{\"]{0,2}.{0,20}".prop_map(String::into_bytes),
                ]),
                0..12,
            ),
        ) {
            let messages: Vec<(Way, Form, &[u8])> = messages
                .iter()
                .map(|(text, bytes)| (Way::In, if *text { Form::Text } else { Form::Binary }, &bytes[..]))
                .collect();
            prop_assert_eq!(packets(&messages).len(), messages.len());
        }
    }
}

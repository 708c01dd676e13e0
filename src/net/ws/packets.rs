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
        let cut = size > head.len() as u64;
        // What follows a cut is argument as well.
        let whole = arguments.len() as u64 + if cut { size - head.len() as u64 } else { 0 };
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

//! Reads DNS messages (RFC 1035; over multicast RFC 6762) out of datagrams.
//!
//! Recognised with care, for any port carries any bytes: the header must make sense, every name and record
//! must be whole, and the last one must end where the datagram does. What is kept is bounded by [`TEXT`].

mod reader;
#[cfg(test)]
mod tests;
mod value;

use self::reader::Reader;
use crate::model::dns::{Edns, Message, Question, Record, Section, class_name, opcode_name};

/// The longest datagram that is looked into: what EDNS requestors offer at the most, and what a timeline keeps.
const LARGEST: usize = 4096;
/// Bytes of names and values kept of one message. A usual one has 200; a hostile one could have 100,000.
const TEXT: usize = 2048;
/// Questions and records kept of one message; the others are counted.
const KEPT: usize = 16;
/// Must be zero (RFC 1035 section 4.1.1).
const Z: u16 = 0x0040;
const OPT: u16 = 41;

/// Reads a datagram; `None` if it is not one whole DNS message.
pub fn read(bytes: &[u8]) -> Option<Message> {
    begins(bytes).filter(|(_, rest)| *rest == 0).map(|(message, _)| message)
}

/// Why a datagram that [`read`] does not take is no whole message.
pub fn why_not(bytes: &[u8]) -> String {
    let why = match begins(bytes) {
        _ if bytes.len() > LARGEST => format!("more than the {LARGEST} bytes that are looked into"),
        _ if bytes.len() < 12 => format!("{} bytes, and a header alone has 12", bytes.len()),
        Some((_, 1)) => "1 byte stands behind it".into(),
        Some((_, rest)) => format!("{rest} bytes stand behind it"),
        None => "it is cut short, or says what none does".into(),
    };
    format!("no whole DNS message: {why}")
}

/// The message that a datagram begins with, and how many bytes are behind it.
fn begins(bytes: &[u8]) -> Option<(Message, usize)> {
    // Most datagrams are no DNS, and are found out here, before anything is walked.
    if bytes.len() < 12 || bytes.len() > LARGEST {
        return None;
    }
    let mut reader = Reader::new(bytes, TEXT);
    let (id, flags) = (reader.u16()?, reader.u16()?);
    let counts = [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
    let is_answer = flags & 0x8000 != 0;
    let opcode = (flags >> 11 & 0xf) as u8;
    let [questions, records @ ..] = counts.map(usize::from);
    let records: usize = records.iter().sum();
    let told = match is_answer {
        // A refusal may be the bare header.
        true => questions + records > 0 || flags & 0xf != 0,
        false => questions > 0 && flags & 0xf == 0,
    };
    // A question takes 5 bytes at the least, a record 11: a count that cannot be is not walked.
    if flags & Z != 0 || !told || opcode_name(opcode).is_none() || 12 + 5 * questions + 11 * records > bytes.len() {
        return None;
    }
    let mut message = Message {
        id,
        is_answer,
        opcode,
        code: flags & 0xf,
        flags,
        counts,
        questions: Vec::with_capacity(questions.min(KEPT)),
        records: Vec::new(),
        edns: None,
    };
    for _ in 0..questions {
        question(&mut message, &mut reader)?;
    }
    for (section, count) in Section::ALL.into_iter().zip(&counts[1..]) {
        for _ in 0..*count {
            record(&mut message, &mut reader, section)?;
        }
    }
    Some((message, reader.left()))
}

fn question(message: &mut Message, reader: &mut Reader<'_>) -> Option<()> {
    let name = reader.name()?;
    let (kind, class) = (reader.u16()?, reader.u16()?);
    if kind == 0 || class_name(class).is_none() {
        return None;
    }
    if message.questions.len() < KEPT && reader.take(name.len()) {
        message.questions.push(Question { name: name.into(), kind, class });
    }
    Some(())
}

fn record(message: &mut Message, reader: &mut Reader<'_>, section: Section) -> Option<()> {
    let name = reader.name()?;
    let (kind, class, ttl) = (reader.u16()?, reader.u16()?, reader.u32()?);
    let length = usize::from(reader.u16()?);
    let data = reader.limited(length)?;
    if kind == OPT {
        // One, of the root, among the additional records; its class and its TTL mean other things.
        if message.edns.is_some() || section != Section::Additional || name != "." {
            return None;
        }
        message.code |= (ttl >> 24 << 4) as u16;
        message.edns = Some(Edns { version: (ttl >> 16) as u8, size: class, dnssec_ok: ttl & 0x8000 != 0 });
        return Some(());
    }
    if kind == 0 || class_name(class).is_none() {
        return None;
    }
    let value = value::read(kind, data)?;
    if message.records.len() < KEPT && reader.take(name.len() + value.len()) {
        message.records.push(Record { section, name: name.into(), kind, class, ttl, value: value.into() });
    }
    Some(())
}

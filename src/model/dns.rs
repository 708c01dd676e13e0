//! What a DNS message said (RFC 1035; over multicast RFC 6762): plain data, small and bounded. `net` reads it.
//!
//! Names and values are visible ASCII, with `\DDD` for the rest (RFC 1035 section 5.1).

use super::event::Way;

/// A message on a timeline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dns {
    pub way: Way,
    pub message: Message,
    /// Nanoseconds since it was first asked: of an answer, and of a question asked again.
    pub took: Option<u64>,
    /// How often this was asked by now; 1 for a question that is new, and for answers.
    pub tries: u32,
}

/// What a message says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    pub id: u16,
    pub is_answer: bool,
    pub opcode: u8,
    /// RFC 6895 section 2.3, with the upper bits from EDNS.
    pub code: u16,
    /// The header's second word, as it was.
    pub flags: u16,
    /// Of questions, answers, authority and additional records.
    pub counts: [u16; 4],
    pub questions: Vec<Question>,
    /// Answers, authority and additional records, in this order, without OPT.
    pub records: Vec<Record>,
    pub edns: Option<Edns>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    pub name: Box<str>,
    pub kind: u16,
    pub class: u16,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    pub section: Section,
    pub name: Box<str>,
    pub kind: u16,
    pub class: u16,
    /// Seconds it may be kept.
    pub ttl: u32,
    pub value: Box<str>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Section {
    Answer,
    Authority,
    Additional,
}

impl Section {
    pub const ALL: [Self; 3] = [Self::Answer, Self::Authority, Self::Additional];

    pub fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Authority => "authority",
            Self::Additional => "additional",
        }
    }
}

/// RFC 6891: what the sender can take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edns {
    pub version: u8,
    /// The largest UDP payload the sender takes.
    pub size: u16,
    pub dnssec_ok: bool,
}

/// The flags of the header by the names dig gives them.
const FLAGS: &[(u16, &str)] =
    &[(0x0400, "aa"), (0x0200, "tc"), (0x0100, "rd"), (0x0080, "ra"), (0x0020, "ad"), (0x0010, "cd")];

impl Message {
    pub fn flag_names(&self) -> impl Iterator<Item = &'static str> {
        FLAGS.iter().filter(|(bit, _)| self.flags & bit != 0).map(|(_, name)| *name)
    }

    pub fn opcode_name(&self) -> &'static str {
        opcode_name(self.opcode).unwrap_or("reserved")
    }

    /// Bytes on the heap.
    pub fn weight(&self) -> usize {
        let questions = self.questions.iter().map(|question| size_of::<Question>() + question.name.len());
        let records = self.records.iter().map(|record| size_of::<Record>() + record.name.len() + record.value.len());
        questions.chain(records).sum()
    }

    /// The first question and how many more: `A example.test`, `PTR _http._tcp.local, 2 more`.
    pub fn asks(&self) -> String {
        let Some(first) = self.questions.first() else { return "nothing".into() };
        let class = match first.class & 0x7fff {
            1 => String::new(),
            class => format!("{} ", class_name(class).unwrap_or("")),
        };
        let more = match self.counts[0] {
            0 | 1 => String::new(),
            n => format!(", {} more", n - 1),
        };
        format!("{class}{} {}{more}", kind_name(first.kind), first.name)
    }

    /// How many answers there are, and the values of the first: `2 answers: 192.0.2.1 192.0.2.2`.
    pub fn says(&self) -> String {
        let answers = self.counts[1];
        let values: Vec<&str> = self
            .records
            .iter()
            .filter(|record| record.section == Section::Answer && !record.value.is_empty())
            .map(|record| &*record.value)
            .take(4)
            .collect();
        let more = if usize::from(answers) > values.len() && !values.is_empty() { " …" } else { "" };
        let colon = if values.is_empty() { "" } else { ": " };
        let plural = if answers == 1 { "" } else { "s" };
        format!("{answers} answer{plural}{colon}{}{more}", values.join(" "))
    }
}

/// RFC 6895 section 2.2.
pub fn opcode_name(opcode: u8) -> Option<&'static str> {
    Some(match opcode {
        0 => "QUERY",
        1 => "IQUERY",
        2 => "STATUS",
        4 => "NOTIFY",
        5 => "UPDATE",
        _ => return None,
    })
}

/// RFC 6895 section 3.2, the highest bit aside: over multicast it asks for a unicast answer, or says that
/// older records are void (RFC 6762 sections 5.4 and 10.2).
pub fn class_name(class: u16) -> Option<&'static str> {
    Some(match class & 0x7fff {
        1 => "IN",
        3 => "CH",
        4 => "HS",
        254 => "NONE",
        255 => "ANY",
        _ => return None,
    })
}

/// The name of a code (RFC 6895 section 2.3).
pub fn code_name(code: u16) -> String {
    let name = match code {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        16 => "BADVERS",
        22 => "BADTRUNC",
        23 => "BADCOOKIE",
        code => return format!("RCODE{code}"),
    };
    name.into()
}

/// The name of a type (RFC 6895 section 3.1 and its registry), or `TYPE123` (RFC 3597 section 5).
pub fn kind_name(kind: u16) -> String {
    const NAMES: &[(u16, &str)] = &[
        (1, "A"),
        (2, "NS"),
        (5, "CNAME"),
        (6, "SOA"),
        (12, "PTR"),
        (13, "HINFO"),
        (15, "MX"),
        (16, "TXT"),
        (28, "AAAA"),
        (29, "LOC"),
        (33, "SRV"),
        (35, "NAPTR"),
        (39, "DNAME"),
        (43, "DS"),
        (44, "SSHFP"),
        (46, "RRSIG"),
        (47, "NSEC"),
        (48, "DNSKEY"),
        (50, "NSEC3"),
        (52, "TLSA"),
        (59, "CDS"),
        (64, "SVCB"),
        (65, "HTTPS"),
        (99, "SPF"),
        (249, "TKEY"),
        (250, "TSIG"),
        (251, "IXFR"),
        (252, "AXFR"),
        (255, "ANY"),
        (256, "URI"),
        (257, "CAA"),
    ];
    let found = NAMES.iter().find(|row| row.0 == kind);
    found.map_or_else(|| format!("TYPE{kind}"), |row| row.1.into())
}

//! The table of steps: each is a command of `sockscope cert`, its fields the command's options.

/// Kinds of keys by their names, in the order in which they are offered.
pub const KINDS: [&str; 6] = ["rsa2048", "rsa3072", "rsa4096", "p256", "p384", "ed25519"];
/// What a certificate may be used for.
pub const USES: [&str; 3] = ["server", "client", "both"];
/// The CA that is meant where none is named.
pub const CA: &str = "ca";

/// The choice that leaves an option out: what the request asks for holds.
const ASKED: &str = "as asked";

/// What can be done at the workbench.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Deed {
    For,
    Key,
    Public,
    Ca,
    Request,
    Sign,
    Verify,
    Show,
    Import,
    Revoke,
    Pkcs12,
    Trust,
    Private,
}

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// A line, with what could stand there.
    Line(&'static str),
    Choice(&'static [&'static str]),
}

/// How a field's text stands in the command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// A word without a name.
    Place,
    /// As many as there are.
    Places,
    Option(&'static str),
    /// The option again for each word.
    Options(&'static str),
}

/// What a field begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Begins {
    With(&'static str),
    /// The name that is selected.
    Selected,
    /// The selected name if it is a CA's, else [`CA`].
    Authority,
}

/// One field of a step's form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    pub label: &'static str,
    pub how: How,
    pub look: Look,
    pub begins: Begins,
    /// A line for the foot of the form.
    pub help: &'static str,
}

/// One step: a command and its form.
#[derive(PartialEq, Eq, Debug)]
pub struct Step {
    pub deed: Deed,
    /// The command's word.
    pub word: &'static str,
    pub title: &'static str,
    /// None of them: the step is done with what is selected.
    pub fields: &'static [Field],
    /// What has to be confirmed first; `{}` is the name.
    pub question: Option<&'static str>,
    /// Added to the words of a question that was answered with yes.
    pub sure: Option<&'static str>,
    /// Whether its answer is to be read; else the store as it is now says enough.
    pub tells: bool,
}

const fn field(label: &'static str, how: How, look: Look, begins: Begins, help: &'static str) -> Field {
    Field { label, how, look, begins, help }
}

const NOTHING: Begins = Begins::With("");
const NAME: Field = field(
    "name",
    How::Place,
    Look::Line("server"),
    NOTHING,
    "what it is kept under in the store: letters, digits, - _ . * @ :",
);
const OF: Field = Field { begins: Begins::Selected, help: "a name of the store, or the path of a file", ..NAME };
const KIND: Field = field(
    "kind",
    How::Option("kind"),
    Look::Choice(&KINDS),
    Begins::With("p256"),
    "the kind of its key: p256 is small, fast and known everywhere",
);
const USE: Field = field(
    "use",
    How::Option("use"),
    Look::Choice(&USES),
    Begins::With("server"),
    "who shows it: a server, a client, or both",
);
const BY: Field =
    field("ca", How::Option("ca"), Look::Line(CA), Begins::Authority, "the CA of the store that signs it");
const DAYS: Field =
    field("days", How::Option("days"), Look::Line("90"), Begins::With("90"), "for how many days from now it is valid");
const SUBJECT: Field = field(
    "subject",
    How::Option("subject"),
    Look::Line("CN=a.test, O=Org"),
    NOTHING,
    "its name, such as CN=a.test, O=Org; empty makes one of the name",
);
const PASSPHRASE: Field = field(
    "passphrase",
    How::Option("passphrase-file"),
    Look::Line("pass.txt"),
    NOTHING,
    "a file with the passphrase in its first line",
);

const fn makes(deed: Deed, word: &'static str, title: &'static str, fields: &'static [Field]) -> Step {
    Step { deed, word, title, fields, question: None, sure: None, tells: false }
}

const fn tells(deed: Deed, word: &'static str, title: &'static str, fields: &'static [Field]) -> Step {
    Step { tells: true, ..makes(deed, word, title, fields) }
}

/// The table.
pub static STEPS: &[Step] = &[
    makes(
        Deed::For,
        "for",
        "A certificate for these names",
        &[
            field(
                "names",
                How::Places,
                Look::Line("localhost 127.0.0.1"),
                Begins::With("localhost 127.0.0.1"),
                "what clients will ask for: DNS names and IP addresses",
            ),
            Field { help: "the CA that signs it; it is made if there is none", ..BY },
            DAYS,
            USE,
            KIND,
        ],
    ),
    makes(Deed::Key, "key", "A private key", &[NAME, KIND]),
    makes(Deed::Public, "public", "Its public key", &[]),
    makes(
        Deed::Ca,
        "ca",
        "A CA",
        &[
            Field { look: Look::Line(CA), begins: Begins::With(CA), ..NAME },
            SUBJECT,
            field("under", How::Option("under"), Look::Line("ca"), NOTHING, "the CA above it; empty makes a root"),
            Field { look: Look::Line("3650"), begins: Begins::With("3650"), ..DAYS },
            field(
                "path length",
                How::Option("path-length"),
                Look::Line("0"),
                NOTHING,
                "how many CAs may stand between it and a leaf; empty is without limit",
            ),
            KIND,
        ],
    ),
    makes(
        Deed::Request,
        "request",
        "A signing request (CSR)",
        &[
            Field {
                begins: Begins::Selected,
                help: "what it is kept under: its key is taken, or made if there is none",
                ..NAME
            },
            SUBJECT,
            field(
                "valid for",
                How::Options("name"),
                Look::Line("a.test *.a.test 127.0.0.1"),
                NOTHING,
                "DNS names, IP addresses, URIs, email addresses",
            ),
            USE,
            KIND,
            field(
                "key usage",
                How::Options("key-usage"),
                Look::Line("digitalSignature keyEncipherment"),
                NOTHING,
                "what its key may do; empty is digitalSignature",
            ),
        ],
    ),
    makes(
        Deed::Sign,
        "sign",
        "Sign a request",
        &[
            Field { help: "whose request: a name of the store, or the path of a CSR", ..OF },
            BY,
            DAYS,
            Field { look: Look::Choice(&[ASKED, "server", "client", "both"]), begins: Begins::With(ASKED), ..USE },
            field(
                "serial",
                How::Option("serial"),
                Look::Line("4A:2F"),
                NOTHING,
                "its serial number, in hexadecimal; empty is a random one",
            ),
        ],
    ),
    tells(
        Deed::Verify,
        "verify",
        "Verify a chain",
        &[
            OF,
            field(
                "host",
                How::Option("host"),
                Look::Line("localhost"),
                NOTHING,
                "the name a client would ask for; empty does not look at names",
            ),
            field(
                "roots",
                How::Options("roots"),
                Look::Line("ca"),
                NOTHING,
                "roots to trust: names or files; empty is every root of the store",
            ),
            field(
                "between",
                How::Options("between"),
                Look::Line("below"),
                NOTHING,
                "certificates that may stand between, besides those of the chain",
            ),
            field(
                "lists",
                How::Options("crl"),
                Look::Line("ca"),
                NOTHING,
                "revocation lists: names or files; empty is every list of the store",
            ),
            USE,
        ],
    ),
    tells(
        Deed::Show,
        "show",
        "Show a file",
        &[Field {
            label: "file",
            look: Look::Line("~/server.pem"),
            help: "a certificate, chain, request, key or revocation list, PEM or DER",
            ..NAME
        }],
    ),
    makes(
        Deed::Import,
        "import",
        "Take in what was made elsewhere",
        &[
            NAME,
            field(
                "certificate",
                How::Option("certificate"),
                Look::Line("server.pem"),
                NOTHING,
                "the file of the certificate, those up to its root behind it; or none",
            ),
            field("key", How::Option("key"), Look::Line("server.key"), NOTHING, "the file of its private key, if any"),
            Field { help: "of an encrypted key: a file with its passphrase in the first line", ..PASSPHRASE },
        ],
    ),
    Step {
        question: Some("Revoke {}? Its CA's list will say so from now on, and that is not taken back."),
        ..makes(Deed::Revoke, "revoke", "Revoke", &[])
    },
    makes(Deed::Pkcs12, "pkcs12", "Key and chain as one PKCS#12 file", &[OF, PASSPHRASE]),
    tells(Deed::Trust, "trust", "How to trust this CA", &[]),
    Step {
        question: Some("Show the private key of {}? Whoever reads it can pretend to be it."),
        sure: Some("--yes"),
        ..tells(Deed::Private, "private", "Private key", &[])
    },
];

impl Field {
    /// Whether a text is what the command takes anyway.
    pub(super) fn says_nothing(&self, text: &str) -> bool {
        match self.begins {
            Begins::With(usual) => text == usual,
            Begins::Authority => text == CA,
            Begins::Selected => false,
        }
    }
}

impl Deed {
    /// Its row of [`STEPS`].
    pub fn step(self) -> Option<&'static Step> {
        STEPS.iter().find(|step| step.deed == self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::workbench::Wish;

    #[test]
    fn a_form_becomes_the_words_of_its_command() {
        let step = Deed::Request.step().unwrap();
        let texts = ["a b", "", "x.test, 127.0.0.1", "server", "p256"];
        let wish = Wish::new(step, step.fields.iter().zip(texts.map(str::to_owned)));
        assert_eq!(wish.command(), "sockscope cert request --name=x.test --name=127.0.0.1 'a b'");
        assert_eq!(wish.and("--replace").words[..2], ["request", "--replace"]);
        let step = Deed::Key.step().unwrap();
        let wish = Wish::new(step, step.fields.iter().zip(["--x".to_owned(), "p256".to_owned()]));
        assert_eq!(wish.words, ["key", "--", "--x"]);
    }

    #[test]
    fn every_deed_has_its_step_and_every_choice_its_beginning() {
        for step in STEPS {
            assert_eq!(step.deed.step(), Some(step));
            for field in step.fields {
                // As wide as the form's foot.
                assert!(field.help.len() <= 70 && field.label.len() <= 14, "{} {}", step.word, field.help);
                if let (Look::Choice(options), Begins::With(text)) = (field.look, field.begins) {
                    assert!(options.contains(&text), "{} {}", step.word, field.label);
                }
            }
        }
    }
}

//! `sockscope cert ...`: what can be asked for.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::pki::{Algorithm, KeyUsage, Serial, Use};

const AFTER: &str = "\
A NAME is a name in the store, or the path of a PEM or DER file. The store is a folder of plain PEM
files (NAME.key with mode 0600, NAME.pub, NAME.csr, NAME.crt, NAME.crl); --store names another.

The five steps, one at a time:              in one:
  sockscope cert key server                   sockscope cert for localhost 127.0.0.1
  sockscope cert public server
  sockscope cert ca ca
  sockscope cert request server --name localhost
  sockscope cert sign server";

/// Make, sign, check and show keys and certificates
#[derive(Parser, Clone, Debug)]
#[command(name = "sockscope cert", after_help = AFTER, max_term_width = 100)]
pub struct Cert {
    #[command(subcommand)]
    pub what: What,

    /// The folder to keep them in [default: the data directory's certs]
    #[arg(long, global = true, value_name = "DIR")]
    pub store: Option<PathBuf>,

    /// A file whose first line opens an encrypted key or locks a PKCS#12 file [else SOCKSCOPE_PASSPHRASE]
    #[arg(long, global = true, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,

    /// Answer with one JSON object
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Subcommand, Clone, Debug)]
pub enum What {
    /// Make a private key
    Key {
        name: String,
        #[command(flatten)]
        kind: Kind,
        #[command(flatten)]
        over: Over,
    },
    /// The public key of a private one, with its fingerprint
    Public {
        name: String,
        #[command(flatten)]
        over: Over,
    },
    /// Make a CA: a root, or with --under an intermediate; a key that is there alone is its key
    Ca {
        #[arg(default_value = "ca")]
        name: String,
        /// Its name, such as "CN=My CA, O=Me"
        #[arg(long)]
        subject: Option<String>,
        /// The CA above it
        #[arg(long, value_name = "CA")]
        under: Option<String>,
        #[arg(long, default_value_t = 3650, value_parser = number::<i64>)]
        days: i64,
        /// How many CAs may stand between it and a leaf
        #[arg(long, value_name = "N", value_parser = number::<u8>)]
        path_length: Option<u8>,
        #[command(flatten)]
        kind: Kind,
        #[command(flatten)]
        over: Over,
    },
    /// Make a signing request (CSR) for a key; the key is made if there is none
    Request {
        name: String,
        /// Its name, such as "CN=a.test, O=Org" [default: the first --name]
        #[arg(long)]
        subject: Option<String>,
        /// What it is to be valid for: a DNS name, an IP address, a URI, an email address; can be given again
        #[arg(long = "name", value_name = "SAN")]
        names: Vec<String>,
        #[arg(long = "use", value_name = "USE", default_value = "server")]
        usage: Use,
        /// What its key may do: digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment, keyAgreement; can
        /// be given again [default: digitalSignature]
        #[arg(long = "key-usage", value_name = "USAGE")]
        key_usages: Vec<KeyUsage>,
        #[command(flatten)]
        kind: Kind,
        #[command(flatten)]
        over: Over,
    },
    /// Sign a request by a CA, or by its own key
    Sign {
        name: String,
        #[arg(long, default_value = "ca")]
        ca: String,
        /// By the request's own key, which makes it a root CA
        #[arg(long = "self", conflicts_with_all = ["ca", "usage"])]
        own: bool,
        /// For how many days [default: 90, a root 3650]
        #[arg(long, value_parser = number::<i64>)]
        days: Option<i64>,
        /// server, client or both [default: what the request asks for]
        #[arg(long = "use", value_name = "USE")]
        usage: Option<Use>,
        /// Its serial number, in hexadecimal [default: 127 random bits]
        #[arg(long, value_name = "HEX", conflicts_with = "own")]
        serial: Option<Serial>,
        #[command(flatten)]
        over: Over,
    },
    /// Check a chain, and say why it is bad if it is
    Verify {
        name: String,
        /// Roots to check against; can be given again [default: every root of the store]
        #[arg(long, value_name = "NAME")]
        roots: Vec<String>,
        /// Certificates that may stand between
        #[arg(long, value_name = "NAME")]
        between: Vec<String>,
        /// A revocation list; can be given again [default: every one of the store]
        #[arg(long, value_name = "NAME")]
        crl: Vec<String>,
        /// The host a client would ask for
        #[arg(long, value_name = "HOST")]
        host: Option<String>,
        #[arg(long = "use", value_name = "USE", default_value = "server")]
        usage: Use,
    },
    /// Show what a file or a name of the store holds; of a private key only what is public
    Show { name: String },
    /// List the store
    List,
    /// Take a key and its certificate, a CA's too, from elsewhere into the store
    Import {
        name: String,
        #[arg(long, value_name = "FILE", required_unless_present = "key")]
        certificate: Option<PathBuf>,
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        #[command(flatten)]
        over: Over,
    },
    /// Take a certificate back: its CA's revocation list (CRL) says so from now on
    Revoke { name: String },
    /// All five steps: a certificate for these names by the default CA, which is made if there is none
    For {
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        #[arg(long, default_value = "ca")]
        ca: String,
        #[arg(long, default_value_t = 90, value_parser = number::<i64>)]
        days: i64,
        #[arg(long = "use", value_name = "USE", default_value = "server")]
        usage: Use,
        #[command(flatten)]
        kind: Kind,
        #[command(flatten)]
        over: Over,
    },
    /// Write key and chain as one PKCS#12 file, NAME.p12, behind a passphrase
    Pkcs12 {
        name: String,
        #[command(flatten)]
        over: Over,
    },
    /// How to trust a CA on this system; nothing is changed
    Trust {
        #[arg(default_value = "ca")]
        ca: String,
    },
    /// Print a private key; wants --yes, for whoever reads it is who it says
    Private {
        name: String,
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Args, Clone, Debug)]
pub struct Kind {
    /// rsa2048, rsa3072, rsa4096, p256, p384 or ed25519 [default: p256]
    #[arg(long, value_name = "KIND")]
    pub kind: Option<Algorithm>,
}

#[derive(Args, Clone, Copy, Debug)]
pub struct Over {
    /// Write over what is there
    #[arg(long)]
    pub replace: bool,
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("\"{text}\" is not a number that can stand here: write one such as 90"))
}

impl What {
    /// The name it is about.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Key { name, .. }
            | Self::Public { name, .. }
            | Self::Ca { name, .. }
            | Self::Request { name, .. }
            | Self::Sign { name, .. }
            | Self::Verify { name, .. }
            | Self::Show { name }
            | Self::Import { name, .. }
            | Self::Revoke { name }
            | Self::Pkcs12 { name, .. }
            | Self::Trust { ca: name }
            | Self::Private { name, .. } => Some(name),
            Self::For { names, .. } => names.first().map(String::as_str),
            Self::List => None,
        }
    }
}

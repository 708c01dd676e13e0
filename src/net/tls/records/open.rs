//! Opens what is encrypted: the keys are our own, for one end of the connection is ours. So the handshake
//! messages of TLS 1.3 and the alerts are known by name, as Wireshark knows them from a key log.
//!
//! rustls says the secrets through [`KeyLog`]; they stay in this connection's [`Keys`] and the key log that a person
//! asked for, are shown nowhere, and go when the connection goes.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use parking_lot::Mutex;
use rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;
use rustls::crypto::tls13::{HkdfExpander, OkmBlock};
use rustls::{KeyLog, SupportedCipherSuite, Tls13CipherSuite};

use super::cut::Head;
use crate::hub::Recorder;
use crate::net::tls::keylog::Sink;

/// A secret by its label in the key log (NSS key log format).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Secret {
    /// TLS 1.2.
    Master,
    ClientHandshake,
    ServerHandshake,
    ClientTraffic,
    ServerTraffic,
}

const LABELS: [(&str, Secret); 5] = [
    ("CLIENT_RANDOM", Secret::Master),
    ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Secret::ClientHandshake),
    ("SERVER_HANDSHAKE_TRAFFIC_SECRET", Secret::ServerHandshake),
    ("CLIENT_TRAFFIC_SECRET_0", Secret::ClientTraffic),
    ("SERVER_TRAFFIC_SECRET_0", Secret::ServerTraffic),
];

/// The secrets of one connection, as rustls comes to them; appended to a key log where that is asked for.
#[derive(Default)]
pub struct Keys {
    secrets: Mutex<[Option<Box<[u8]>>; LABELS.len()]>,
    sink: Option<Arc<Sink>>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

impl KeyLog for Keys {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        if let Some((_, which)) = LABELS.iter().find(|row| row.0 == label) {
            self.secrets.lock()[*which as usize] = Some(secret.into());
        }
        if let Some(sink) = &self.sink {
            sink.write(label, client_random, secret);
        }
    }

    fn will_log(&self, label: &str) -> bool {
        self.sink.is_some() || LABELS.iter().any(|row| row.0 == label)
    }
}

impl Keys {
    pub fn new(sink: Option<Arc<Sink>>) -> Self {
        Self { sink, ..Self::default() }
    }

    /// Tells on the connection's timeline which were appended to a key log.
    pub fn tell(&self, record: &Recorder) {
        if let Some(sink) = &self.sink {
            sink.tell(record);
        }
    }

    fn get(&self, which: Secret) -> Option<Box<[u8]>> {
        self.secrets.lock()[which as usize].clone()
    }
}

/// The cipher suite in use, and the randoms TLS 1.2 makes its keys of: the server's, then the client's.
#[derive(Clone, Copy)]
pub struct Suite {
    suite: SupportedCipherSuite,
    aead: &'static Algorithm,
    randoms: [u8; 64],
}

impl Suite {
    /// `None` for a suite that is not spoken here.
    pub fn find(cipher: u16, server: [u8; 32], client: [u8; 32]) -> Option<Self> {
        let suite = *ALL_CIPHER_SUITES.iter().find(|suite| u16::from(suite.suite()) == cipher)?;
        let aead = match cipher {
            0x1301 | 0xc02b | 0xc02f => &AES_128_GCM,
            0x1302 | 0xc02c | 0xc030 => &AES_256_GCM,
            0x1303 | 0xcca8 | 0xcca9 => &CHACHA20_POLY1305,
            _ => return None,
        };
        let mut randoms = [0; 64];
        randoms[..32].copy_from_slice(&server);
        randoms[32..].copy_from_slice(&client);
        Some(Self { suite, aead, randoms })
    }
}

/// One direction's key.
pub struct Opener {
    key: LessSafeKey,
    /// TLS 1.2 with AES-GCM: four bytes, and the other eight come with each record.
    iv: [u8; 12],
    explicit: bool,
    /// TLS 1.3: what the next key is made of, should it be updated.
    next: Option<(&'static Tls13CipherSuite, Box<[u8]>)>,
    /// Records so far under this key.
    seq: u64,
}

impl Opener {
    /// The key of a secret, for what the client (`is_client`) or the server sends; `None` as long as rustls has
    /// not come to it.
    pub fn new(keys: &Keys, suite: &Suite, secret: Secret, is_client: bool) -> Option<Self> {
        let found = keys.get(secret)?;
        match suite.suite {
            SupportedCipherSuite::Tls13(tls13) => Self::tls13(tls13, suite.aead, found),
            SupportedCipherSuite::Tls12(tls12) => {
                let shape = tls12.aead_alg.key_block_shape();
                let (key, iv) = (shape.enc_key_len, shape.fixed_iv_len);
                let mut block = vec![0; (key + iv) * 2];
                tls12.prf_provider.for_secret(&mut block, &found, b"key expansion", &suite.randoms);
                let (keys, ivs) = block.split_at(key * 2);
                let nth = usize::from(!is_client);
                let mut fixed = [0; 12];
                fixed[..iv].copy_from_slice(&ivs[iv * nth..iv * (nth + 1)]);
                let key = UnboundKey::new(suite.aead, &keys[key * nth..key * (nth + 1)]).ok()?;
                Some(Self { key: LessSafeKey::new(key), iv: fixed, explicit: iv == 4, next: None, seq: 0 })
            }
        }
    }

    /// RFC 8446 section 7.3.
    fn tls13(suite: &'static Tls13CipherSuite, aead: &'static Algorithm, secret: Box<[u8]>) -> Option<Self> {
        let expander = suite.hkdf_provider.expander_for_okm(&OkmBlock::new(&secret));
        let mut key = vec![0; aead.key_len()];
        let mut iv = [0; 12];
        expand(&*expander, b"key", &mut key)?;
        expand(&*expander, b"iv", &mut iv)?;
        let key = LessSafeKey::new(UnboundKey::new(aead, &key).ok()?);
        Some(Self { key, iv, explicit: false, next: Some((suite, secret)), seq: 0 })
    }

    /// TLS 1.3: the key after a KeyUpdate (RFC 8446 section 7.2).
    pub fn updated(&self, suite: &Suite) -> Option<Self> {
        let (tls13, secret) = self.next.as_ref()?;
        let expander = tls13.hkdf_provider.expander_for_okm(&OkmBlock::new(secret));
        let mut next = vec![0; secret.len()];
        expand(&*expander, b"traffic upd", &mut next)?;
        Self::tls13(tls13, suite.aead, next.into())
    }

    /// A record that is not looked at.
    pub fn skip(&mut self) {
        self.seq += 1;
    }

    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The content of a record and its type, in place; `None` if the key does not fit.
    pub fn open<'a>(&mut self, head: Head, body: &'a mut [u8]) -> Option<(u8, &'a [u8])> {
        let seq = self.seq.to_be_bytes();
        let mut nonce = self.iv;
        if self.next.is_some() {
            xor(&mut nonce, seq);
            let clear = self.key.open_in_place(nonce_of(nonce), Aad::from(head.bytes()), body).ok()?;
            self.seq += 1;
            // Padding is zeros behind the type (RFC 8446 section 5.2).
            let at = clear.iter().rposition(|byte| *byte != 0)?;
            return Some((clear[at], &clear[..at]));
        }
        let sealed = if self.explicit {
            let (explicit, sealed) = body.split_at_mut_checked(8)?;
            nonce[4..].copy_from_slice(explicit);
            sealed
        } else {
            xor(&mut nonce, seq);
            body
        };
        let len = u16::try_from(sealed.len().checked_sub(self.key.algorithm().tag_len())?).ok()?;
        // RFC 5246 section 6.2.3.3.
        let mut aad = [0; 13];
        aad[..8].copy_from_slice(&seq);
        aad[8..11].copy_from_slice(&[head.kind, head.version[0], head.version[1]]);
        aad[11..].copy_from_slice(&len.to_be_bytes());
        let clear = self.key.open_in_place(nonce_of(nonce), Aad::from(aad), sealed).ok()?;
        self.seq += 1;
        Some((head.kind, clear))
    }
}

fn nonce_of(bytes: [u8; 12]) -> Nonce {
    Nonce::assume_unique_for_key(bytes)
}

fn xor(nonce: &mut [u8; 12], seq: [u8; 8]) {
    for (byte, with) in nonce[4..].iter_mut().zip(seq) {
        *byte ^= with;
    }
}

/// HKDF-Expand-Label with an empty context (RFC 8446 section 7.1).
fn expand(expander: &dyn HkdfExpander, label: &[u8], out: &mut [u8]) -> Option<()> {
    let len = u16::try_from(out.len()).ok()?.to_be_bytes();
    let label_len = [u8::try_from(6 + label.len()).ok()?];
    expander.expand_slice(&[&len, &label_len, b"tls13 ", label, &[0]], out).ok()
}

//! Numbers of TLS as the names people know: RFC 8446, RFC 5246 and the IANA registries behind them.

use rustls::NamedGroup;

use super::suites::SUITES;

/// RFC 8701: values nobody implements, sent so that peers learn to ignore what they do not know.
pub fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

fn number(value: u16) -> Box<str> {
    if is_grease(value) { "GREASE".into() } else { format!("0x{value:04x}").into() }
}

/// What rustls prints of a value; an unknown one prints as `Type(0x1234)`.
fn printed(value: u16, debug: &dyn std::fmt::Debug) -> Box<str> {
    let text = format!("{debug:?}");
    if text.contains('(') { number(value) } else { text.into() }
}

fn listed(table: &[(u16, &'static str)], value: u16) -> Option<&'static str> {
    table.iter().find(|row| row.0 == value).map(|row| row.1)
}

pub fn cipher(value: u16) -> Box<str> {
    // In order of their numbers: a hello lists tens of them.
    let found = SUITES.binary_search_by_key(&value, |row| row.0);
    found.map_or_else(|_| number(value), |at| SUITES[at].1.into())
}

pub fn group(value: u16) -> Box<str> {
    match listed(GROUPS, value) {
        Some(name) => name.into(),
        None => printed(value, &NamedGroup::from(value)),
    }
}

pub fn version(value: u16) -> Box<str> {
    listed(VERSIONS, value).map_or_else(|| number(value), Into::into)
}

pub fn scheme(value: u16) -> Box<str> {
    listed(SCHEMES, value).map_or_else(|| number(value), Into::into)
}

pub fn extension(value: u16) -> Box<str> {
    listed(EXTENSIONS, value).map_or_else(|| number(value), Into::into)
}

/// A handshake message (RFC 8446 section 4, RFC 5246 section 7.4).
pub fn message(kind: u8) -> &'static str {
    listed(MESSAGES, kind.into()).unwrap_or("unknown")
}

/// An alert (RFC 8446 section 6).
pub fn alert(description: u8) -> &'static str {
    listed(ALERTS, description.into()).unwrap_or("alert")
}

const VERSIONS: &[(u16, &str)] = &[
    (0x0304, "TLS 1.3"),
    (0x0303, "TLS 1.2"),
    (0x0302, "TLS 1.1"),
    (0x0301, "TLS 1.0"),
    (0x0300, "SSL 3.0"),
    (0x0002, "SSL 2.0"),
];

/// What rustls has no name for.
const GROUPS: &[(u16, &str)] = &[
    (0x001a, "brainpoolP256r1"),
    (0x001b, "brainpoolP384r1"),
    (0x001c, "brainpoolP512r1"),
    (0x001f, "brainpoolP256r1tls13"),
    (0x0020, "brainpoolP384r1tls13"),
    (0x0021, "brainpoolP512r1tls13"),
    (0x11ed, "SecP384r1MLKEM1024"),
];

/// RFC 8446 section 4.2.3.
const SCHEMES: &[(u16, &str)] = &[
    (0x0201, "rsa_pkcs1_sha1"),
    (0x0202, "dsa_sha1"),
    (0x0203, "ecdsa_sha1"),
    (0x0301, "rsa_pkcs1_sha224"),
    (0x0302, "dsa_sha224"),
    (0x0303, "ecdsa_sha224"),
    (0x0401, "rsa_pkcs1_sha256"),
    (0x0402, "dsa_sha256"),
    (0x0403, "ecdsa_secp256r1_sha256"),
    (0x0501, "rsa_pkcs1_sha384"),
    (0x0502, "dsa_sha384"),
    (0x0503, "ecdsa_secp384r1_sha384"),
    (0x0601, "rsa_pkcs1_sha512"),
    (0x0602, "dsa_sha512"),
    (0x0603, "ecdsa_secp521r1_sha512"),
    (0x0804, "rsa_pss_rsae_sha256"),
    (0x0805, "rsa_pss_rsae_sha384"),
    (0x0806, "rsa_pss_rsae_sha512"),
    (0x0807, "ed25519"),
    (0x0808, "ed448"),
    (0x0809, "rsa_pss_pss_sha256"),
    (0x080a, "rsa_pss_pss_sha384"),
    (0x080b, "rsa_pss_pss_sha512"),
    (0x081a, "ecdsa_brainpoolP256r1tls13_sha256"),
    (0x081b, "ecdsa_brainpoolP384r1tls13_sha384"),
    (0x081c, "ecdsa_brainpoolP512r1tls13_sha512"),
    (0x0904, "mldsa44"),
    (0x0905, "mldsa65"),
    (0x0906, "mldsa87"),
];

const EXTENSIONS: &[(u16, &str)] = &[
    (0, "server_name"),
    (1, "max_fragment_length"),
    (5, "status_request"),
    (10, "supported_groups"),
    (11, "ec_point_formats"),
    (13, "signature_algorithms"),
    (14, "use_srtp"),
    (15, "heartbeat"),
    (16, "application_layer_protocol_negotiation"),
    (17, "status_request_v2"),
    (18, "signed_certificate_timestamp"),
    (19, "client_certificate_type"),
    (20, "server_certificate_type"),
    (21, "padding"),
    (22, "encrypt_then_mac"),
    (23, "extended_master_secret"),
    (27, "compress_certificate"),
    (28, "record_size_limit"),
    (34, "delegated_credential"),
    (35, "session_ticket"),
    (41, "pre_shared_key"),
    (42, "early_data"),
    (43, "supported_versions"),
    (44, "cookie"),
    (45, "psk_key_exchange_modes"),
    (47, "certificate_authorities"),
    (48, "oid_filters"),
    (49, "post_handshake_auth"),
    (50, "signature_algorithms_cert"),
    (51, "key_share"),
    (57, "quic_transport_parameters"),
    (13172, "next_protocol_negotiation"),
    (17513, "application_settings"),
    (17613, "application_settings"),
    (65037, "encrypted_client_hello"),
    (65281, "renegotiation_info"),
];

const MESSAGES: &[(u16, &str)] = &[
    (0, "hello_request"),
    (1, "client_hello"),
    (2, "server_hello"),
    (3, "hello_verify_request"),
    (4, "new_session_ticket"),
    (5, "end_of_early_data"),
    (8, "encrypted_extensions"),
    (11, "certificate"),
    (12, "server_key_exchange"),
    (13, "certificate_request"),
    (14, "server_hello_done"),
    (15, "certificate_verify"),
    (16, "client_key_exchange"),
    (20, "finished"),
    (21, "certificate_url"),
    (22, "certificate_status"),
    (23, "supplemental_data"),
    (24, "key_update"),
    (25, "compressed_certificate"),
    (67, "next_protocol"),
    (254, "message_hash"),
];

const ALERTS: &[(u16, &str)] = &[
    (0, "close_notify"),
    (10, "unexpected_message"),
    (20, "bad_record_mac"),
    (21, "decryption_failed"),
    (22, "record_overflow"),
    (30, "decompression_failure"),
    (40, "handshake_failure"),
    (41, "no_certificate"),
    (42, "bad_certificate"),
    (43, "unsupported_certificate"),
    (44, "certificate_revoked"),
    (45, "certificate_expired"),
    (46, "certificate_unknown"),
    (47, "illegal_parameter"),
    (48, "unknown_ca"),
    (49, "access_denied"),
    (50, "decode_error"),
    (51, "decrypt_error"),
    (60, "export_restriction"),
    (70, "protocol_version"),
    (71, "insufficient_security"),
    (80, "internal_error"),
    (86, "inappropriate_fallback"),
    (90, "user_canceled"),
    (100, "no_renegotiation"),
    (109, "missing_extension"),
    (110, "unsupported_extension"),
    (111, "certificate_unobtainable"),
    (112, "unrecognized_name"),
    (113, "bad_certificate_status_response"),
    (114, "bad_certificate_hash_value"),
    (115, "unknown_psk_identity"),
    (116, "certificate_required"),
    (120, "no_application_protocol"),
    (121, "ech_required"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_the_registrys_name_or_is_shown_as_it_is() {
        assert_eq!(&*cipher(0x1301), "TLS_AES_128_GCM_SHA256");
        assert_eq!(&*cipher(0xc02f), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
        assert_eq!((&*cipher(0x002f), &*cipher(0x7f7f)), ("TLS_RSA_WITH_AES_128_CBC_SHA", "0x7f7f"));
        assert!(SUITES.is_sorted_by_key(|row| row.0));
        assert_eq!(&*group(0x001d), "X25519");
        assert_eq!(&*group(0x001b), "brainpoolP384r1");
        assert_eq!(&*version(0x0304), "TLS 1.3");
        assert_eq!(&*scheme(0x0807), "ed25519");
        assert_eq!(&*extension(51), "key_share");
        assert_eq!((message(20), alert(120)), ("finished", "no_application_protocol"));
    }

    #[test]
    fn grease_is_recognised_everywhere() {
        for value in (0..16).map(|n: u16| (n << 12 | 0x0a0a) + (n << 4)) {
            assert!(is_grease(value), "{value:04x}");
            assert_eq!((&*cipher(value), &*group(value), &*extension(value)), ("GREASE", "GREASE", "GREASE"));
        }
        assert!(!is_grease(0x0a1a) && !is_grease(0x1301));
    }
}

//! sslscan and testssl against a listener of ours: nothing of high severity, and what they report is what the
//! timeline says.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use sockscope::model::event::Kind;
use sockscope::model::spec::Settings;
use tokio::process::Command;

use crate::certificates::our_ca;
use crate::peers::peer;
use crate::support::Lab;

/// testssl asks one thing a connection, by openssl: under load that is a minute.
const SCAN: Duration = Duration::from_secs(240);

/// Runs a scanner to its end; what it said.
async fn scan(program: &Path, args: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(SCAN, command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("not in time: {} {args:?}", program.display())).unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// What handshakes agreed on, from the timelines.
#[derive(Debug, Default)]
struct Told {
    versions: BTreeSet<String>,
    ciphers: BTreeSet<String>,
    groups: BTreeSet<String>,
    /// Versions, ciphers and groups that clients offered.
    hellos: usize,
}

impl Told {
    fn of(lab: &Lab) -> Self {
        let mut told = Self::default();
        for row in lab.rows() {
            for event in lab.events(row.id) {
                match event.kind {
                    Kind::ClientHello(_) => told.hellos += 1,
                    // Scanners ask for a version or a group and go without finishing.
                    Kind::ServerHello(answer) => {
                        told.versions.insert(answer.version.to_string());
                        told.groups.extend(answer.group.as_ref().map(|group| group.to_string()));
                    }
                    Kind::SecureConnection(secured) => {
                        told.versions.insert(secured.version.to_string());
                        told.ciphers.insert(openssl_name(&secured.cipher));
                        told.groups.extend(secured.group.as_ref().map(|group| group.to_string()));
                    }
                    _ => {}
                }
            }
        }
        told
    }
}

/// The name openssl has for a cipher of RFC 5289, RFC 7905 and RFC 8446: `ECDHE-ECDSA-AES256-GCM-SHA384`.
fn openssl_name(cipher: &str) -> String {
    let Some((exchange, bulk)) = cipher.trim_start_matches("TLS_").split_once("_WITH_") else {
        return cipher.to_owned();
    };
    let bulk = bulk.replace("AES_", "AES").replace("CHACHA20_POLY1305_SHA256", "CHACHA20_POLY1305");
    format!("{exchange}_{bulk}").replace('_', "-")
}

#[tokio::test]
async fn sslscan_reports_what_the_timeline_says() {
    let Some(sslscan) = peer("sslscan") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    let said = scan(&sslscan, &["--no-colour", &address.to_string()]).await;
    let column = |line: &str, n: usize| line.split_whitespace().nth(n).unwrap_or_default().to_owned();
    let accepted: Vec<&str> =
        said.lines().filter(|line| line.starts_with("Accepted") || line.starts_with("Preferred")).collect();
    let theirs: BTreeSet<_> = accepted.iter().map(|line| column(line, 4)).collect();
    let versions: BTreeSet<_> = accepted.iter().map(|line| column(line, 1).replace("TLSv", "TLS ")).collect();
    let ours = Told::of(&lab);
    assert!(theirs.len() >= 6, "{said}");
    assert_eq!((theirs, versions), (ours.ciphers.clone(), ours.versions.clone()), "{said}\n{ours:?}");
    for group in ["secp256r1", "secp384r1", "x25519"] {
        let named = said.lines().any(|line| line.starts_with("TLSv1.3") && line.contains(group));
        let told = ours.groups.iter().any(|ours| ours.eq_ignore_ascii_case(group));
        assert!(named && told, "{group}: {said}\n{ours:?}");
    }
    for (what, how) in [
        ("SSLv2", "disabled"),
        ("SSLv3", "disabled"),
        ("TLSv1.0", "disabled"),
        ("TLSv1.1", "disabled"),
        ("TLSv1.2", "enabled"),
    ] {
        assert!(said.lines().any(|line| line.starts_with(what) && line.trim().ends_with(how)), "{what}: {said}");
    }
    assert!(said.contains("DNS:localhost"), "{said}");
    assert_eq!(said.matches("vulnerable to heartbleed").count(), said.matches("not vulnerable to heartbleed").count());
}

#[tokio::test]
async fn testssl_finds_nothing_bad_and_sees_the_certificate_that_is_there() {
    let (Some(testssl), Some(openssl)) = (peer("testssl"), peer("openssl")) else { return };
    let (lab, ca) = (Lab::default(), our_ca());
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("found.json");
    let (address, file) = (address.to_string(), file.to_str().unwrap());
    let mut args = vec!["--quiet", "--color", "0", "--warnings", "off", "--openssl-timeout", "5"];
    // Protocols, the server's defaults (its certificate), and the weaknesses that are asked for quickly.
    args.extend(["--add-ca", ca.path().to_str().unwrap(), "--jsonfile", file, "-p", "-S", "-H", "-I"]);
    args.push(&address);
    let said = scan(&testssl, &args).await;
    let found: Value =
        serde_json::from_str(&std::fs::read_to_string(file).unwrap_or_else(|_| panic!("{said}"))).unwrap();
    let found = found.as_array().unwrap();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let bad: Vec<_> = found
        .iter()
        .filter(|row| ["HIGH", "CRITICAL", "FATAL"].contains(&row["severity"].as_str().unwrap_or_default()))
        // The CA lives as long as the program: there is nowhere a list of it could be fetched from.
        .filter(|row| row["id"] != "cert_revocation")
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
    let one = |id: &str| {
        let row = found.iter().find(|row| row["id"] == id);
        text(row.unwrap_or_else(|| panic!("no {id}: {found:#?}")), "finding")
    };
    for (id, want) in [
        ("SSLv2", "not offered"),
        ("SSLv3", "not offered"),
        ("TLS1", "not offered"),
        ("TLS1_1", "not offered"),
        ("TLS1_2", "offered"),
        ("cert_commonName", "localhost"),
        ("cert_chain_of_trust", "passed."),
        ("heartbleed", "not vulnerable"),
        ("CCS", "not vulnerable"),
    ] {
        assert!(one(id).starts_with(want), "{id}: {}", one(id));
    }
    let ours = Told::of(&lab);
    assert_eq!(ours.versions, BTreeSet::from(["TLS 1.2".to_owned(), "TLS 1.3".to_owned()]), "{ours:?}");
    assert!(ours.hellos > 0, "{ours:?}");
    // The certificate it saw is the one openssl sees.
    let seen = dir.path().join("seen.pem");
    let args = ["s_client", "-connect", &address, "-servername", "localhost"];
    let shown = scan(&openssl, &args).await;
    let (from, to) = (shown.find("-----BEGIN").unwrap(), shown.find("-----END CERTIFICATE-----").unwrap());
    std::fs::write(&seen, format!("{}-----END CERTIFICATE-----\n", &shown[from..to])).unwrap();
    let print = scan(&openssl, &["x509", "-in", seen.to_str().unwrap(), "-noout", "-fingerprint", "-sha256"]).await;
    let print = print.trim().rsplit('=').next().unwrap().replace(':', "");
    assert_eq!(one("cert_fingerprintSHA256"), print);
}

//! `sockscope cert` against openssl: what ours makes, openssl checks; what openssl makes, ours reads.

mod files;
mod refused;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A store of its own for each test.
struct Bench {
    dir: tempfile::TempDir,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether there is an openssl; without one the test says so, and fails where every peer is required.
fn openssl_is_here() -> bool {
    let here = Command::new("openssl").arg("version").output().is_ok_and(|output| output.status.success());
    if !here {
        assert!(std::env::var_os("SOCKSCOPE_REQUIRE_PEERS").is_none(), "openssl is required and was not found");
        println!("skipped: openssl not found");
    }
    here
}

impl Bench {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, words: &str) -> Output {
        self.run_with(words, None)
    }

    /// With a passphrase in the environment.
    fn run_with(&self, words: &str, passphrase: Option<&str>) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockscope"));
        command.args(["cert", "--store"]).arg(self.dir.path()).args(words.split_whitespace());
        command.env_remove("SOCKSCOPE_PASSPHRASE").envs(passphrase.map(|text| ("SOCKSCOPE_PASSPHRASE", text)));
        command.current_dir(self.dir.path()).output().unwrap()
    }

    fn good(&self, words: &str) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "cert {words}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    fn bad(&self, words: &str) -> String {
        let output = self.run(words);
        assert!(!output.status.success(), "cert {words} should have failed: {}", text(&output.stdout));
        text(&output.stderr)
    }

    fn json(&self, words: &str) -> Value {
        serde_json::from_str(&self.good(&format!("--json {words}"))).unwrap()
    }

    fn openssl(&self, words: &str) -> String {
        let output =
            Command::new("openssl").args(words.split_whitespace()).current_dir(self.dir.path()).output().unwrap();
        assert!(output.status.success(), "openssl {words}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout) + &text(&output.stderr)
    }
}

fn without_spaces(path: &Path) -> String {
    fs::read_to_string(path).unwrap().split_whitespace().collect()
}

#[test]
fn every_kind_of_key_is_one_for_openssl() {
    if !openssl_is_here() {
        return;
    }
    let bench = Bench::new();
    for (kind, says) in [("rsa2048", "2048 bit"), ("p256", "256 bit"), ("p384", "384 bit"), ("ed25519", "ED25519")] {
        let made = bench.json(&format!("key {kind} --kind {kind}"));
        bench.openssl(&format!("pkey -check -noout -in {kind}.key"));
        assert!(bench.openssl(&format!("pkey -text -noout -in {kind}.key")).contains(says), "{kind}");
        bench.good(&format!("public {kind}"));
        bench.openssl(&format!("pkey -pubout -in {kind}.key -out {kind}.theirs"));
        assert_eq!(
            without_spaces(&bench.path(&format!("{kind}.pub"))),
            without_spaces(&bench.path(&format!("{kind}.theirs")))
        );
        bench.openssl(&format!("pkey -pubin -in {kind}.pub -outform DER -out {kind}.der"));
        let digest = bench.openssl(&format!("dgst -sha256 {kind}.der"));
        let digest = digest.trim().rsplit(' ').next().unwrap().to_uppercase();
        assert_eq!(made["fingerprint"].as_str().unwrap().replace(':', ""), digest, "{kind}");
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(bench.path(&format!("{kind}.key"))).unwrap());
            assert_eq!(mode & 0o777, 0o600, "{kind}");
        }
    }
    let refused = bench.bad("key old --kind rsa1024");
    assert!(refused.contains("forbids") && refused.contains("rsa2048"), "{refused}");
    assert!(!bench.path("old.key").exists());
    assert!(bench.bad("key p256").contains("is there already"));
}

#[test]
fn the_five_steps_make_a_chain_that_openssl_verifies() {
    if !openssl_is_here() {
        return;
    }
    let bench = Bench::new();
    bench.good("key server --kind rsa2048");
    bench.good("ca root --path-length 1");
    bench.good("ca below --under root --path-length 0 --days 365");
    let names = "--name localhost --name *.a.test --name 127.0.0.1 --name https://a.test/x --name me@a.test";
    bench.good(&format!("request server --subject CN=localhost,O=Org,C=de {names} --use both"));
    assert!(bench.openssl("req -verify -noout -in server.csr").contains("OK"));
    bench.good("sign server --ca below --days 30");
    assert!(bench.openssl("verify -CAfile root.crt -untrusted server.crt server.crt").contains("OK"));
    let told = bench.openssl("x509 -text -noout -in server.crt");
    for part in [
        "DNS:localhost, DNS:*.a.test, IP Address:127.0.0.1, URI:https://a.test/x, email:me@a.test",
        "TLS Web Server Authentication, TLS Web Client Authentication",
        "CA:FALSE",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    // The subject's parts, however this openssl puts them.
    let subject: String = bench.openssl("x509 -subject -noout -in server.crt").split_whitespace().collect();
    assert!(subject.contains("CN=localhost") && subject.contains("O=Org") && subject.contains("C=DE"), "{subject}");
    let good = bench.json("verify server --host localhost --use both");
    assert_eq!(good["path"].as_array().unwrap().len(), 3, "{good}");
    let bad = bench.bad("verify server --host b.test");
    assert!(bad.contains("name b.test is not among: localhost, *.a.test, 127.0.0.1"), "{bad}");
    assert!(bench.bad("ca third --under below").contains("path length"));
}

#[test]
fn key_usages_and_a_serial_number_are_as_they_were_asked_for() {
    if !openssl_is_here() {
        return;
    }
    let bench = Bench::new();
    bench.good("ca");
    bench.good("request a --name a.test --key-usage digitalSignature --key-usage KeyEncipherment");
    assert!(bench.openssl("req -in a.csr -noout -text").contains("Digital Signature, Key Encipherment"));
    bench.good("sign a --serial 8A:2f");
    let shown = bench.openssl("x509 -in a.crt -noout -serial -text");
    assert!(shown.contains("serial=8A2F") && shown.contains("Digital Signature, Key Encipherment"), "{shown}");
    for (words, want) in [
        ("request b --key-usage keyCertSign", "no key usage of a leaf: there are digitalSignature"),
        ("sign a --replace --serial 0", "no serial number: write 1 to 20 bytes"),
        ("sign a --replace --serial ff00112233445566778899aabbccddeeff001122", "no serial number"),
    ] {
        let said = bench.bad(words);
        assert!(said.contains(want), "{words}: {said}");
    }
}

#[test]
fn one_command_does_all_five() {
    if !openssl_is_here() {
        return;
    }
    let bench = Bench::new();
    let made = bench.json("for a.test 127.0.0.1");
    assert!(made["files"]["crt"].as_str().unwrap().ends_with("a.test.crt"), "{made}");
    assert!(bench.openssl("verify -CAfile ca.crt -verify_hostname a.test a.test.crt").contains("OK"));
    // Again: a new certificate for the same key and by the same CA.
    let key = fs::read(bench.path("a.test.key")).unwrap();
    let before = fs::read(bench.path("a.test.crt")).unwrap();
    assert!(bench.bad("for a.test").contains("a.test.csr is there already"));
    bench.good("for a.test --replace");
    assert_eq!(fs::read(bench.path("a.test.key")).unwrap(), key);
    assert_ne!(fs::read(bench.path("a.test.crt")).unwrap(), before);
    let listed = bench.good("list");
    assert!(listed.contains("a.test") && listed.contains("root CA  CN=sockscope local CA"), "{listed}");
    assert!(bench.good("trust").contains("update-ca-certificates"));
    assert!(bench.bad("private a.test").contains("add --yes"));
    assert_eq!(bench.good("private a.test --yes").trim(), text(&key).trim());
}

#[test]
fn what_is_revoked_is_revoked_for_openssl_too() {
    if !openssl_is_here() {
        return;
    }
    let bench = Bench::new();
    bench.good("for a.test");
    bench.good("for b.test");
    bench.good("revoke a.test");
    assert!(bench.bad("revoke a.test").contains("revoked already"));
    let list = bench.openssl("crl -text -noout -in ca.crl");
    assert!(list.contains("Serial Number"), "{list}");
    assert!(bench.openssl("verify -crl_check -CAfile ca.crt -CRLfile ca.crl b.test.crt").contains("OK"));
    let words = "verify -crl_check -CAfile ca.crt -CRLfile ca.crl a.test.crt";
    let theirs = Command::new("openssl").args(words.split(' ')).current_dir(bench.dir.path()).output().unwrap();
    assert!(text(&theirs.stderr).contains("revoked"), "{}", text(&theirs.stderr));
    assert!(bench.bad("verify a.test").contains("was revoked by its issuer"));
    bench.good("verify b.test --host b.test");
    bench.good("revoke b.test");
    assert!(bench.bad("verify b.test").contains("revoked") && bench.bad("verify a.test").contains("revoked"));
}

/// The commands of a Node TLS tutorial, and ours for each: both make the same kind of thing.
#[test]
fn the_tutorials_commands_have_their_like() {
    if !openssl_is_here() {
        return;
    }
    let bench = Bench::new();
    // Theirs.
    bench.openssl("genrsa -out their-server.key 2048");
    bench.openssl("rsa -in their-server.key -pubout -out their-server.pem");
    bench.openssl("genrsa -out their-ca.key 2048");
    bench.openssl("req -new -key their-ca.key -out their-ca.csr -subj /CN=ca.test");
    fs::write(bench.path("ca.ext"), "basicConstraints=CA:TRUE\n").unwrap();
    bench.openssl("x509 -req -in their-ca.csr -signkey their-ca.key -days 30 -extfile ca.ext -out their-ca.crt");
    bench.openssl("req -new -key their-server.key -out their-server.csr -subj /CN=localhost");
    fs::write(bench.path("leaf.ext"), "subjectAltName=DNS:localhost\n").unwrap();
    bench.openssl(
        "x509 -req -CA their-ca.crt -CAkey their-ca.key -CAcreateserial -in their-server.csr -days 9 -extfile leaf.ext -out their-server.crt",
    );
    // Ours.
    bench.good("key our-server --kind rsa2048");
    bench.good("public our-server");
    bench.good("key our-ca --kind rsa2048");
    bench.good("request our-ca --subject CN=ca.test");
    bench.good("sign our-ca --self --days 30");
    bench.good("request our-server --subject CN=localhost --name localhost");
    bench.good("sign our-server --ca our-ca --days 9");
    // The same questions to both, by both.
    for who in ["their", "our"] {
        assert!(bench.openssl(&format!("verify -CAfile {who}-ca.crt {who}-server.crt")).contains("OK"), "{who}");
        let path =
            bench.json(&format!("verify {who}-server.crt --roots {who}-ca.crt --host localhost"))["path"].clone();
        assert_eq!(path, serde_json::json!(["CN=localhost", "CN=ca.test"]), "{who}");
        let shown = bench.good(&format!("show {who}-server.crt"));
        for part in ["certificate: CN=localhost", "issuer: CN=ca.test", "public key: RSA 2048 bit", "DNS:localhost"] {
            assert!(shown.contains(part), "{who} {part}: {shown}");
        }
        let print = bench.openssl(&format!("x509 -fingerprint -sha256 -noout -in {who}-server.crt"));
        assert!(shown.contains(print.trim().rsplit('=').next().unwrap()), "{who}: {print} {shown}");
    }
    // Each signs what the other asked for.
    bench.good("import their-ca2 --certificate their-ca.crt --key their-ca.key");
    bench.good("sign our-server.csr --ca their-ca2 --days 9 --replace");
    assert!(bench.openssl("verify -CAfile their-ca.crt our-server.crt").contains("OK"));
    bench.good("sign their-server.csr --ca our-ca --days 9 --replace");
    assert!(bench.openssl("verify -CAfile our-ca.crt their-server.crt").contains("OK"));
}

#[test]
fn every_form_of_key_and_file_from_openssl_is_read() {
    if !openssl_is_here() {
        return;
    }
    let bench = Bench::new();
    bench.openssl("ecparam -name prime256v1 -genkey -noout -out sec1.key");
    bench.openssl("genrsa -traditional -out pkcs1.key 2048");
    bench.openssl("genpkey -algorithm ed25519 -out ed.key");
    bench.openssl("pkey -in ed.key -outform DER -out ed.der");
    for (file, kind) in
        [("sec1.key", "ECDSA P-256"), ("pkcs1.key", "RSA 2048"), ("ed.key", "Ed25519"), ("ed.der", "Ed25519")]
    {
        let shown = bench.good(&format!("show ./{file}"));
        assert!(shown.contains(kind) && shown.contains("(not shown)"), "{file}: {shown}");
    }
    bench.openssl("req -x509 -new -key sec1.key -subj /CN=x -days 9 -out x.crt");
    let said = bench.bad("import y --certificate x.crt --key ed.key");
    assert!(said.contains("the key in ed.key does not fit x.crt"), "{said}");
    assert!(!bench.path("y.crt").exists() && !bench.path("y.key").exists());
    fs::write(bench.path("junk.pem"), "hello").unwrap();
    assert!(bench.bad("show ./junk.pem").contains("junk.pem is neither PEM"));
    assert!(bench.bad("show ./nothing.pem").contains("there is no such file"));
    assert!(bench.bad("sign ./x.crt").contains("holds a certificate, and no request"));
    let said = bench.bad("verify ./x.crt --roots ./nothing.crt");
    assert!(said.contains("nothing.crt"), "{said}");
}

#[test]
fn a_store_that_cannot_be_written_is_said_with_its_path() {
    let bench = Bench::new();
    fs::write(bench.path("file"), "").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_sockscope"))
        .args(["cert", "--store"])
        .arg(bench.path("file").join("store"))
        .args(["key", "a"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot make the store"), "{}", text(&output.stderr));
}

#[test]
fn two_at_once_on_one_store_leave_whole_files() {
    let bench = Bench::new();
    bench.good("ca ca");
    std::thread::scope(|scope| {
        for n in 0..4 {
            let bench = &bench;
            scope.spawn(move || {
                bench.good(&format!("for host{n}.test"));
                bench.good(&format!("for shared.test host{n}.test --replace"));
            });
        }
    });
    for n in 0..4 {
        bench.good(&format!("verify host{n}.test --host host{n}.test"));
    }
    bench.good("verify shared.test --host shared.test");
    let left: Vec<_> = fs::read_dir(bench.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".tmp")), "{left:?}");
}

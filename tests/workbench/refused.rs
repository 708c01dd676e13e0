//! What the workbench does not do, what it makes of foreign and hostile files, and how it says so.

use std::fs;

use super::{Bench, openssl_is_here, text};

#[test]
fn a_ca_is_never_made_a_leaf() {
    let bench = Bench::new();
    bench.good("ca ca");
    bench.good("request leaf --name a.test");
    let before = fs::read(bench.path("ca.crt")).unwrap();
    fs::copy(bench.path("leaf.csr"), bench.path("ca.csr")).unwrap();
    bench.good("sign leaf");
    for words in [
        "for ca --replace",
        "for ca.crt --replace",
        "request ca --name a.test --replace",
        "sign ca --replace",
        "import ca --certificate leaf.crt --key leaf.key --replace",
    ] {
        assert!(bench.bad(words).contains("would destroy it"), "{words}");
        assert_eq!(fs::read(bench.path("ca.crt")).unwrap(), before, "{words}");
    }
}

#[test]
fn nothing_is_written_over_unless_it_is_said() {
    let bench = Bench::new();
    bench.good("for a.test --kind rsa2048");
    let before = fs::read(bench.path("a.test.crt")).unwrap();
    assert!(bench.bad("for a.test --use client").contains("(--replace)"));
    assert_eq!(fs::read(bench.path("a.test.crt")).unwrap(), before);
    for words in ["for a.test --replace --kind p256", "request a.test --replace --kind p256"] {
        assert!(bench.bad(words).contains("is RSA 2048 bit, not ECDSA P-256"), "{words}");
    }
    bench.good("key b");
    bench.good("public b");
    bench.good("public b");
    fs::create_dir(bench.path("other")).unwrap();
    fs::copy(bench.path("a.test.key"), bench.path("other/b.key")).unwrap();
    assert!(bench.bad("public ./other/b.key").contains("b.pub is there already"));
    bench.good("public ./other/b.key --replace");
}

#[test]
fn path_lengths_hold_for_roots_too() {
    if !openssl_is_here() {
        return;
    }
    let bench = Bench::new();
    bench.good("ca ca --path-length 1");
    assert!(bench.bad("ca mid --under ca --path-length 5").contains("path length"));
    assert!(!bench.path("mid.key").exists());
    bench.good("ca mid --under ca");
    assert!(bench.bad("ca low --under mid").contains("allows 1 CAs"));
    // Made elsewhere, below what the root allows.
    bench.openssl("req -newkey ed25519 -nodes -keyout low.key -subj /CN=low -out low.csr");
    fs::write(bench.path("ca.ext"), "basicConstraints=critical,CA:TRUE\n").unwrap();
    bench.openssl(
        "x509 -req -CA mid.crt -CAkey mid.key -CAcreateserial -in low.csr -days 30 -extfile ca.ext -out l.crt",
    );
    let chain = fs::read_to_string(bench.path("l.crt")).unwrap() + &fs::read_to_string(bench.path("mid.crt")).unwrap();
    fs::write(bench.path("low.crt"), chain).unwrap();
    bench.good("for a.test --ca low --days 9");
    let said = bench.bad("verify a.test");
    assert!(said.contains("path length constraint exceeded: CN=sockscope ca allows 1"), "{said}");
}

#[test]
fn requests_of_other_kinds_are_not_called_tampered() {
    if !openssl_is_here() {
        return;
    }
    let bench = Bench::new();
    bench.good("ca ca");
    for (name, key, want) in [
        ("p521", "ec -pkeyopt ec_paramgen_curve:P-521", "not known here"),
        ("k1", "ec -pkeyopt ec_paramgen_curve:secp256k1", "not known here"),
        ("small", "rsa -pkeyopt rsa_keygen_bits:1024", "NIST"),
    ] {
        bench.openssl(&format!("req -newkey {key} -nodes -keyout {name}.key -subj /CN={name} -out {name}.csr"));
        let said = bench.bad(&format!("sign {name}"));
        assert!(said.contains(want) && !said.contains("broken signature"), "{name}: {said}");
    }
    assert!(bench.good("show ./k1.csr").contains("ECDSA secp256k1"));
    assert!(bench.bad("public ./small.key").contains("below 2048 bits"));
    bench.openssl("genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out pss.key");
    bench.openssl("req -new -key pss.key -subj /CN=pss -out pss.csr");
    let said = bench.bad("sign pss");
    assert!(said.contains("not known here") && said.contains("RSA-PSS"), "{said}");
}

#[test]
fn names_from_files_move_nothing_on_the_terminal() {
    if !openssl_is_here() {
        return;
    }
    let bench = Bench::new();
    let name = "/CN=a\n  CA: yes\u{202e}\u{200b}/O=Acme, CN=root";
    let words =
        ["req", "-x509", "-utf8", "-newkey", "ed25519", "-nodes", "-keyout", "h.key", "-days", "9", "-subj", name];
    let made = std::process::Command::new("openssl")
        .args(words)
        .args(["-out", "h.crt"])
        .current_dir(bench.dir.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    for told in [bench.good("show h"), bench.good("list"), bench.bad("verify h")] {
        assert!(!told.contains(['\u{202e}', '\u{200b}', '\r']), "{told:?}");
        assert!(!told.lines().any(|line| line.starts_with("  CA: yes")), "{told}");
    }
    assert!(bench.good("show h").contains(r"CN=a\0A  CA: yes\E2\80\AE\E2\80\8B, O=Acme\, CN\=root"));
    bench.good(r"request b --subject O=Acme\,Inc,CN=b --name b.test --name b.test");
    let shown = bench.good("show b");
    assert!(shown.contains(r"O=Acme\,Inc, CN=b") && shown.matches("DNS:b.test").count() == 1, "{shown}");
    assert!(bench.bad("request c --name 300.1.1.1").contains("300.1.1.1"));
}

#[test]
fn what_is_refused_leaves_nothing_behind() {
    let bench = Bench::new();
    bench.bad("request a --subject X=1");
    bench.bad("for b..test");
    bench.bad("for b.test --days 9999");
    assert_eq!(bench.good("list").lines().count(), 1);
    bench.good("ca day --days 1");
    let said = bench.bad("for c.test --ca day");
    assert!(said.contains("ask for 1 day at the most"), "{said}");
    assert!(!bench.path("c.test.key").exists() && !bench.path("c.test.csr").exists());
    bench.good("for c.test --ca day --days 1");
}

#[test]
fn files_of_other_kinds_are_named() {
    if !openssl_is_here() {
        return;
    }
    let bench = Bench::new();
    fs::write(bench.path("pass.txt"), "swordfish").unwrap();
    bench.good("for a.test");
    bench.good("pkcs12 a.test --passphrase-file pass.txt");
    assert!(bench.bad("show ./a.test.p12").contains("is a PKCS#12 file"));
    bench.openssl("pkcs8 -topk8 -v1 PBE-SHA1-3DES -passout pass:swordfish -in a.test.key -out v1.key");
    bench.openssl("pkcs8 -topk8 -v2 des3 -passout pass:swordfish -in a.test.key -out v2.key");
    for (file, way) in [("v1.key", "PBE-SHA1-3DES"), ("v2.key", "PBES2")] {
        let said = bench.bad(&format!("public ./{file} --passphrase-file pass.txt"));
        assert!(said.contains("not supported here") && said.contains(way), "{said}");
    }
    bench.openssl("pkcs8 -topk8 -v2 aes-256-cbc -passout pass:swordfish -in a.test.key -out good.key");
    assert!(bench.good("show ./good.key --passphrase-file pass.txt").contains("ECDSA P-256"));
    let said = bench.bad("verify nofile.crt");
    assert!(said.contains(&bench.path("nofile.crt").display().to_string()), "{said}");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sockscope"));
    command.args(["cert", "key", "a", "--store"]).arg(bench.path("pass.txt"));
    let said = text(&command.output().unwrap().stderr);
    assert!(said.contains("a folder is expected"), "{said}");
    assert!(bench.bad("trust a.test").contains("is no CA"));
    assert!(bench.good("trust ca").contains("ca-certificates/ca.crt"));
}

#[test]
fn the_whole_order_of_a_chain_is_looked_at() {
    let bench = Bench::new();
    bench.good("ca root");
    bench.good("ca mid --under root");
    bench.good("for a.test --ca mid");
    let read = |name: &str| fs::read_to_string(bench.path(name)).unwrap();
    let chain = read("a.test.crt");
    let at = chain.rfind("-----BEGIN").unwrap();
    fs::write(bench.path("mixed.pem"), format!("{}{}{}", &chain[..at], read("root.crt"), &chain[at..])).unwrap();
    for words in ["verify ./mixed.pem", "import mixed --certificate mixed.pem"] {
        let said = bench.bad(words);
        assert!(said.contains("place 1 stands CN=sockscope root; expected there is CN=sockscope mid"), "{said}");
    }
}

#[test]
fn programs_can_tell_a_bad_chain_from_a_bad_question() {
    let bench = Bench::new();
    bench.good("for a.test");
    let told = |words: &str| {
        let output = bench.run(&format!("--json {words}"));
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (told, output.status.code())
    };
    let (bad, code) = told("verify a.test --host b.test");
    assert_eq!((bad["good"].as_bool(), code), (Some(false), Some(1)), "{bad}");
    assert!(bad["reason"].as_str().unwrap().contains("b.test"));
    let (unread, code) = told("verify nothing");
    assert!(unread["error"].is_string() && code == Some(2), "{unread}");
    let (unknown, code) = told("sign a.test --days many");
    assert!(unknown["error"].as_str().unwrap().contains("many") && code == Some(2), "{unknown}");
    let (list, _) = told("list");
    let leaf = &list["entries"][0];
    assert!(
        leaf["not_after"].as_str().unwrap().ends_with('Z') && leaf["sha256"].as_str().unwrap().len() == 95,
        "{leaf}"
    );
    bench.good("revoke a.test");
    assert!(bench.bad("verify a.test").contains("CN=a.test was revoked by its issuer"));
}

#[test]
fn keys_come_alone_and_become_a_cas() {
    let bench = Bench::new();
    bench.good("key k --kind p384");
    bench.good("import in --key k.key");
    assert_eq!(fs::read(bench.path("in.key")).unwrap(), fs::read(bench.path("k.key")).unwrap());
    let key = fs::read(bench.path("k.key")).unwrap();
    bench.good("ca k");
    assert_eq!(fs::read(bench.path("k.key")).unwrap(), key);
    bench.good("for a.test --ca k");
    bench.good("verify a.test --host a.test");
    let said = bench.good("request plain");
    assert!(said.contains("clients will refuse it"), "{said}");
    // Another key under the same name: the list says so.
    fs::copy(bench.path("k.key"), bench.path("a.test.key")).unwrap();
    assert!(bench.good("list").contains("KEY DOES NOT FIT"));
}

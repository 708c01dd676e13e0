//! Files from elsewhere and files for elsewhere: older and encrypted keys, PKCS#12, times that do not fit, the wrong
//! kind or order, and many programs on one store.

use std::fs;

use super::{Bench, openssl_is_here, text};

/// What openssl wrote in the older forms is PKCS#8 in the store, and the same key.
#[test]
fn older_forms_of_a_key_are_taken_in_as_todays() {
    if !openssl_is_here() {
        return;
    }
    let bench = Bench::new();
    bench.openssl("ecparam -name secp384r1 -genkey -noout -out sec1.key");
    bench.openssl("genrsa -traditional -out pkcs1.key 2048");
    for name in ["sec1", "pkcs1"] {
        bench.openssl(&format!("req -x509 -new -key {name}.key -subj /CN={name} -days 9 -out {name}.crt"));
        bench.good(&format!("import in-{name} --certificate {name}.crt --key {name}.key"));
        bench.openssl(&format!("pkey -check -noout -in in-{name}.key"));
        let text = fs::read_to_string(bench.path(&format!("in-{name}.key"))).unwrap();
        assert!(text.starts_with("-----BEGIN PRIVATE KEY-----"), "{text}");
        let public = |key: &str| bench.openssl(&format!("pkey -pubout -in {key}"));
        assert_eq!(public(&format!("in-{name}.key")), public(&format!("{name}.key")));
        // And read again by us.
        bench.good(&format!("public in-{name}"));
    }
}

#[test]
fn an_encrypted_key_is_opened_by_its_passphrase_and_by_no_other() {
    if !openssl_is_here() {
        return;
    }
    let bench = Bench::new();
    fs::write(bench.path("pass.txt"), "swordfish\nmore\n").unwrap();
    fs::write(bench.path("other.txt"), "herring").unwrap();
    bench.openssl("genpkey -algorithm ed25519 -out plain.key");
    bench.openssl("pkcs8 -topk8 -v2 aes-256-cbc -passout pass:swordfish -in plain.key -out locked.key");
    bench.openssl("pkcs8 -topk8 -scrypt -passout pass:swordfish -in plain.key -out scrypt.key");
    bench.openssl("pkcs8 -topk8 -passout pass:swordfish -in plain.key -outform DER -out locked.der");
    bench.openssl("pkey -in plain.key -pubout -out plain.pub");
    for file in ["locked.key", "scrypt.key", "locked.der"] {
        let said = bench.bad(&format!("public ./{file}"));
        assert!(said.contains("is an encrypted private key and no passphrase was given"), "{said}");
        assert!(said.contains("--passphrase-file") && said.contains("SOCKSCOPE_PASSPHRASE"), "{said}");
        let said = bench.bad(&format!("public ./{file} --passphrase-file other.txt"));
        assert!(said.contains("the passphrase does not open") && !said.contains("herring"), "{said}");
        let told = bench.good(&format!("public ./{file} --passphrase-file pass.txt"));
        assert!(told.contains(fs::read_to_string(bench.path("plain.pub")).unwrap().trim()), "{file}: {told}");
        let output = bench.run_with(&format!("public ./{file}"), Some("swordfish"));
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    assert!(bench.good("show ./locked.key").contains("encrypted: its passphrase is needed"));
    assert!(bench.bad("public ./locked.key --passphrase-file nothing.txt").contains("there is no such file"));
    // The old way of openssl.
    bench.openssl("genrsa -traditional -aes128 -passout pass:swordfish -out old.key 2048");
    let said = bench.bad("public ./old.key --passphrase-file pass.txt");
    assert!(said.contains("Proc-Type: 4,ENCRYPTED") && said.contains("openssl pkcs8 -topk8 -in"), "{said}");
    bench.openssl("pkcs8 -topk8 -passin pass:swordfish -passout pass:swordfish -in old.key -out new.key");
    bench.good("public ./new.key --passphrase-file pass.txt");
}

#[test]
fn a_pkcs12_file_of_ours_is_one_for_openssl() {
    if !openssl_is_here() {
        return;
    }
    let bench = Bench::new();
    fs::write(bench.path("pass.txt"), "swordfish").unwrap();
    bench.good("ca root --path-length 1");
    bench.good("ca below --under root");
    bench.good("for a.test --ca below --use both");
    let said = bench.bad("pkcs12 a.test");
    assert!(said.contains("locked by a passphrase") && said.contains("--passphrase-file"), "{said}");
    bench.good("pkcs12 a.test --passphrase-file pass.txt");
    assert!(bench.bad("pkcs12 a.test --passphrase-file pass.txt").contains("is there already"));
    let info = bench.openssl("pkcs12 -info -nodes -in a.test.p12 -passin pass:swordfish");
    assert!(info.contains("PBES2") && info.contains("AES-256-CBC") && info.contains("hmacWithSHA256"), "{info}");
    assert!(info.contains("friendlyName: a.test"), "{info}");
    assert_eq!(info.matches("-----BEGIN CERTIFICATE-----").count(), 2, "the leaf and what stands between");
    bench.openssl("pkcs12 -nocerts -nodes -in a.test.p12 -passin pass:swordfish -out their.key");
    let public = |key: &str| bench.openssl(&format!("pkey -pubout -in {key}"));
    assert_eq!(public("their.key"), public("a.test.key"));
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(bench.path("a.test.p12")).unwrap());
        assert_eq!(mode & 0o777, 0o600);
    }
    assert!(bench.good("show a.test").contains("PKCS#12"));
    assert!(bench.good("list").contains("key csr crt p12"));
    bench.good("key lonely");
    assert!(bench.bad("pkcs12 lonely --passphrase-file pass.txt").contains("lonely.crt"));
}

#[test]
fn nobody_signs_beyond_its_own_time() {
    if !openssl_is_here() {
        return;
    }
    let bench = Bench::new();
    bench.good("ca short --days 10");
    let said = bench.bad("for a.test --ca short --days 90");
    assert!(said.contains("would outlive its CA") && said.contains("ask for 9 days at the most"), "{said}");
    bench.good("for a.test --ca short --days 10");
    let made = bench.json("ca below --under short");
    assert!(made["remark"].as_str().unwrap().starts_with("it ends with the CA above it"), "{made}");
    let end = |name: &str| bench.openssl(&format!("x509 -enddate -noout -in {name}.crt"));
    assert_eq!(end("below"), end("short"));
    // A clock that is off: one CA is over, the other has not begun.
    let theirs = |name: &str, from: &str, to: &str| {
        bench.openssl(&format!(
            "req -x509 -newkey ed25519 -nodes -keyout {name}.key -subj /CN={name} -days 1 -out x.crt"
        ));
        bench.openssl(&format!("req -new -key {name}.key -subj /CN={name} -out {name}.csr"));
        fs::write(bench.path("index.txt"), "").unwrap();
        fs::write(bench.path("serial"), "01").unwrap();
        let config = "[ca]\ndefault_ca=d\n[d]\nnew_certs_dir=.\ndatabase=index.txt\nserial=serial\n\
                      default_md=default\npolicy=p\nx509_extensions=e\n[p]\ncommonName=supplied\n\
                      [e]\nbasicConstraints=critical,CA:TRUE\n";
        fs::write(bench.path("ca.cnf"), config).unwrap();
        bench.openssl(&format!(
            "ca -batch -config ca.cnf -selfsign -keyfile {name}.key -in {name}.csr -startdate {from} -enddate {to} -out {name}.crt"
        ));
    };
    theirs("over", "20200101000000Z", "20200201000000Z");
    theirs("early", "20490101000000Z", "20500101000000Z");
    let said = bench.bad("for b.test --ca over");
    assert!(said.contains("CN=over expired") && said.contains("2020-02-01 00:00:00 UTC"), "{said}");
    let said = bench.bad("for b.test --ca early");
    assert!(said.contains("not valid before 2049-01-01 00:00:00 UTC") && said.contains("a clock is off"), "{said}");
    let listed = bench.good("list");
    assert!(listed.contains("years ago") && listed.contains("valid in"), "{listed}");
}

#[test]
fn files_that_are_not_what_was_wanted_are_named() {
    if !openssl_is_here() {
        return;
    }
    let bench = Bench::new();
    bench.good("ca root --path-length 1");
    bench.good("ca below --under root");
    bench.good("for a.test --ca below");
    // A chain whose leaf comes last.
    let chain = fs::read_to_string(bench.path("a.test.crt")).unwrap();
    let at = chain.rfind("-----BEGIN").unwrap();
    fs::write(bench.path("turned.pem"), format!("{}{}", &chain[at..], &chain[..at])).unwrap();
    for words in ["verify ./turned.pem", "import turned --certificate turned.pem"] {
        let said = bench.bad(words);
        assert!(said.contains("wrong order") && said.contains("its leaf CN=a.test is number 2"), "{said}");
    }
    assert!(!bench.path("turned.crt").exists());
    // DER where PEM is usual, and the other way round.
    bench.openssl("x509 -in a.test.crt -outform DER -out a.der");
    bench.openssl("req -in a.test.csr -outform DER -out csr.der");
    bench.good("verify ./a.der --between below");
    bench.good("sign ./csr.der --ca below");
    assert!(bench.good("show ./a.der").contains("certificate: CN=a.test"));
    // PEM of another kind.
    assert!(bench.bad("verify ./a.test.csr").contains("holds a certificate request, and no certificate"));
    assert!(bench.bad("sign ./a.test.key").contains("holds a private key, and no request"));
    assert!(bench.bad("public ./a.test.crt").contains("and no private key"));
    fs::write(
        bench.path("other.pem"),
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
    )
    .unwrap();
    assert!(bench.bad("public ./other.pem").contains("that is known here"));
    // A request that was changed on its way.
    let mut der = fs::read(bench.path("csr.der")).unwrap();
    let at = der.windows(6).position(|part| part == b"a.test").unwrap();
    der[at] = b'b';
    fs::write(bench.path("bent.der"), der).unwrap();
    assert!(bench.bad("sign ./bent.der --ca below").contains("has a broken signature"));
}

/// Many programs at once on one store: no revocation, no key and no serial is lost.
#[test]
fn what_many_programs_do_at_once_is_all_done() {
    let bench = Bench::new();
    let names: Vec<String> = (0..6).map(|n| format!("h{n}.test")).collect();
    std::thread::scope(|scope| {
        for name in &names {
            let bench = &bench;
            // The CA too is made by whoever comes first.
            scope.spawn(move || bench.good(&format!("for {name}")));
        }
    });
    std::thread::scope(|scope| {
        for name in &names {
            let bench = &bench;
            scope.spawn(move || bench.good(&format!("revoke {name}")));
        }
    });
    let shown = bench.good("show ca");
    assert_eq!(shown.matches("revoked: ").count(), names.len(), "{shown}");
    for name in &names {
        assert!(bench.bad(&format!("verify {name}")).contains("was revoked by its issuer"), "{name}");
    }
    let serials: std::collections::HashSet<_> = names
        .iter()
        .map(|name| {
            bench.good(&format!("show {name}")).lines().find(|line| line.contains("serial: ")).unwrap().to_owned()
        })
        .collect();
    assert_eq!(serials.len(), names.len());
}

//! The certificates' screen by keys, over a store of its own.

use std::fs;

use sockscope::pki::Store;
use sockscope::pki::store::Kind;

use super::one_listener;

#[tokio::test]
async fn a_certificate_is_made_verified_shown_and_revoked_by_keys() {
    let mut runner = one_listener().await;
    let store = Store::at(runner.store.path());
    runner.keys("C").await.wait_for("no certificates yet").await;
    runner.keys("n").await.wait_for("sockscope cert --store ").await;
    runner.keys("Enter").await.wait_for("wrote ca.key ca.crt localhost.key localhost.csr localhost.crt").await;
    runner.wait_row(&["●", "ca", "root CA", "10 years left"]).await;
    runner.wait_row(&["●", "localhost", "server", "90 days left"]).await;
    runner.wait_row(&["issuer", "CN=sockscope local CA"]).await;
    assert!(store.has("localhost", Kind::Certificate));

    runner.keys("v Tab").await.text("b.test").await;
    runner.keys("Enter").await.wait_for("✗ name b.test is not among: localhost, 127.0.0.1").await;
    runner.keys("v Enter").await.wait_for("✓ good: CN=localhost < CN=sockscope local CA").await;
    runner.keys("Esc R").await.wait_for("Revoke localhost?").await;
    runner.keys("y").await.wait_row(&["⊘", "localhost", "revoked"]).await;
    runner.keys("v Enter").await.wait_for("was revoked by its issuer").await;
    assert!(!runner.screen().contains("PRIVATE KEY"), "{}", runner.screen());
    runner.keys("P").await.wait_for("Show the private key of localhost?").await;
    runner.keys("y").await.wait_for("-----BEGIN PRIVATE KEY-----").await;
    runner.keys("Up").await.wait_gone("PRIVATE KEY").await;
    runner.keys("Esc").await.wait_gone("Certificates").await;
    runner.quit().await;
}

#[tokio::test]
async fn a_mistake_is_said_at_its_field_and_what_is_there_is_asked_about() {
    let mut runner = one_listener().await;
    runner.keys("C").await.wait_for("no certificates yet").await;
    runner.keys("n Tab Tab ^a ^k").await.text("many").await;
    runner.keys("Enter").await.wait_for("\"many\" is not a number that can stand here").await;
    runner.keys("^a ^k").await.text("30").await;
    runner.keys("Enter").await.wait_row(&["localhost", "server", "30 days left"]).await;
    let old = fs::read(runner.store.path().join("ca.key")).unwrap();
    runner.keys("c Enter").await.wait_for("is there already. Replace it?").await;
    runner.keys("n").await.wait_gone("Sure?").await;
    assert_eq!(fs::read(runner.store.path().join("ca.key")).unwrap(), old);
    runner.keys("Enter").await.wait_for("Replace it?").await;
    runner.keys("y").await.wait_for("wrote ca.key ca.crt").await;
    assert_ne!(fs::read(runner.store.path().join("ca.key")).unwrap(), old);
    runner.quit().await;
}

#[tokio::test]
async fn what_others_made_is_shown_and_taken_in() {
    let mut runner = one_listener().await;
    // Made in another store, as another program would.
    let other = tempfile::tempdir().unwrap();
    let made = std::process::Command::new(env!("CARGO_BIN_EXE_sockscope"))
        .args(["cert", "--store"])
        .arg(other.path())
        .args(["for", "a.test"])
        .output()
        .unwrap();
    assert!(made.status.success());
    let path = |name: &str| other.path().join(name).display().to_string();
    runner.keys("C o").await.text(&path("a.test.crt")).await;
    runner.keys("Enter").await.wait_row(&["certificate", "CN=a.test"]).await;
    runner.keys("i").await.text("theirs").await;
    runner.keys("Tab").await.text(&path("a.test.crt")).await;
    runner.keys("Tab").await.text(&path("ca.key")).await;
    runner.keys("Enter").await.wait_for("the key in ").await;
    runner.keys("^a ^k").await.text(&path("a.test.key")).await;
    runner.keys("Enter").await.wait_row(&["theirs", "server", "90 days left"]).await;
    runner.quit().await;
}

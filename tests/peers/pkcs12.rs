//! A PKCS#12 file of the workbench in other hands: Node serves with it, curl shows it.

use std::process::Command;

use crate::peers::{peer, run, run_node};

#[tokio::test]
async fn node_and_curl_take_a_pkcs12_file_of_ours() {
    let (Some(node), Some(curl)) = (peer("node"), peer("curl")) else { return };
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("pass.txt"), "swordfish").unwrap();
    for words in [
        "ca ca",
        "ca below --under ca",
        "for localhost 127.0.0.1 --ca below --use both",
        "pkcs12 localhost --passphrase-file",
    ] {
        let mut cert = Command::new(env!("CARGO_BIN_EXE_sockscope"));
        cert.args(["cert", "--store"]).arg(dir.path()).args(words.split(' '));
        if words.ends_with("file") {
            cert.arg(path("pass.txt"));
        }
        let done = cert.output().unwrap();
        assert!(done.status.success(), "{words}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let (file, ca) = (path("localhost.p12"), path("ca.crt"));
    let server = run_node(&node, "pfx.mjs", &[&file, &ca, "swordfish"]);
    let port = server.line("listening ").await;
    let url = format!("https://localhost:{port}/");
    let args = ["-sS", "--cacert", &ca, "--cert-type", "P12", "--cert", &format!("{file}:swordfish"), &url];
    assert_eq!(run(&curl, &args, b"").await.ok(), "hello localhost\n");
    // Without it nobody is let in.
    let done = run(&curl, &["-sS", "--cacert", &ca, &url], b"").await;
    assert_ne!(done.code, Some(0), "{}", done.text());
    server.ends().await.ok();
}

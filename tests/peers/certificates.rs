//! Certificates of other people's making, by the `openssl` command.

use std::path::Path;

use tempfile::TempDir;

use crate::peers::run;
use crate::support::identity;

/// A directory of PEM files: a CA, a certificate it signed for localhost, and one that signed itself.
pub struct Certificates {
    dir: TempDir,
}

impl Certificates {
    pub async fn make(openssl: &Path) -> Self {
        let made = Self { dir: tempfile::tempdir().unwrap() };
        let config = made.path("openssl.cnf");
        std::fs::write(&config, CONFIG).unwrap();
        made.sign(openssl, &config, "ca", "authority", &[]).await;
        let (ca, ca_key) = (made.path("ca.pem"), made.path("ca.key"));
        made.sign(openssl, &config, "server", "leaf", &["-CA", &ca, "-CAkey", &ca_key]).await;
        // As `openssl req -x509` makes it when nothing else is said: it claims to be a CA.
        made.sign(openssl, &config, "self", "authority", &[]).await;
        made
    }

    async fn sign(&self, openssl: &Path, config: &str, name: &str, extensions: &str, by: &[&str]) {
        let (cert, key) = (self.path(&format!("{name}.pem")), self.path(&format!("{name}.key")));
        let subject = format!("/CN={name}.test");
        let mut args = vec!["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        args.extend(["-days", "2", "-config", config, "-extensions", extensions, "-subj", &subject]);
        args.extend(["-keyout", &key, "-out", &cert]);
        args.extend(by);
        run(openssl, &args, b"").await.ok();
    }

    pub fn path(&self, file: &str) -> String {
        self.dir.path().join(file).to_str().unwrap().to_owned()
    }
}

const CONFIG: &str = "\
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
subjectAltName = DNS:localhost, IP:127.0.0.1
[leaf]
basicConstraints = critical, CA:FALSE
subjectAltName = DNS:localhost, IP:127.0.0.1
extendedKeyUsage = serverAuth
";

/// The certificate of the CA that the tests' own listeners are signed with, as a file.
pub fn our_ca() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::with_suffix(".pem").unwrap();
    std::fs::write(file.path(), identity().ca_pem()).unwrap();
    file
}

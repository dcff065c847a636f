//! D07: TLS is not a caller check. The server proves itself; nobody asks the caller, and nobody can see that.

use crate::lab::programs::{CURL, NGINX, OPENSSL, nginx, quiet, server_certificate};
use crate::lab::scenario::{Lab, Scenario, oracle};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "d07",
    truth: include_str!("d07/truth.json"),
    needs: &[NGINX, OPENSSL, CURL],
    steps: |lab| run(lab, &[]),
    also: None,
};

/// The same, with a look through the server's library: nobody asks the caller, and that can be seen.
pub(super) const LIBRARY: Scenario = Scenario {
    name: "d07-library",
    truth: include_str!("d07/library.json"),
    steps: |lab| run(lab, &["--tls-library"]),
    ..SCENARIO
};

fn run(lab: &mut Lab, options: &[&str]) -> Result<(), String> {
    let (page, header) = (lab.secret("MARK7A")?, lab.secret("MARK7B")?);
    let (key, certificate) = server_certificate(lab, "10.77.30.2")?;
    let servers = format!(
        "  server {{\n    listen 10.77.30.2:8443 ssl;\n    ssl_protocols TLSv1.3;\n    ssl_certificate {certificate};\n    \
         ssl_certificate_key {key};\n    location / {{ default_type text/plain; return 200 '{page}'; }}\n  }}"
    );
    lab.observe_with(options)?;
    let server = nginx(lab, "mod", 8443, &servers)?;
    // Once with nothing, and once with a header that the server ignores, in the command line and inside TLS.
    let ignored = format!("Authorization: Bearer {header}");
    let url = "https://10.77.30.2:8443/orders";
    let words = ["/usr/bin/curl", "-s", "-S", "-q", "--cacert", &certificate, url, "-H", &ignored];
    for words in [words.get(..7).unwrap_or_default(), &words] {
        let answer = lab.run("app", None, words, &[], "")?.well("curl")?;
        oracle("the caller is served", answer.stdout.contains(&page))?;
    }
    quiet(&server, 8443)?;
    lab.end()?;

    let path = lab.directory().join("nginx/access.log");
    let log = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    oracle("nginx answered 200 twice", log.matches(" 200 ").count() == 2 && log.lines().count() == 2)?;
    let words = ["/usr/bin/openssl", "s_client", "-connect", "10.77.30.2:8443", "-CAfile", &certificate];
    let handshake = lab.run("app", None, &words, &[], "")?.well("openssl s_client")?;
    oracle("it is TLS 1.3", handshake.stdout.contains("TLSv1.3"))?;
    oracle(
        "the server asks for no certificate",
        handshake.stdout.contains("No client certificate CA names sent")
            && !handshake.stdout.contains("Acceptable client certificate"),
    )
}

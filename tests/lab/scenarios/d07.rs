//! D07: TLS is not a caller check. The server proves itself; nobody asks the caller, and nobody can see that.

use crate::lab::program;
use crate::lab::programs::{CURL, NGINX, OPENSSL, nginx, quiet};
use crate::lab::scenario::{Lab, Scenario, oracle};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "d07",
    truth: include_str!("d07/truth.json"),
    needs: &[NGINX, OPENSSL, CURL],
    steps,
    also: None,
};

fn steps(lab: &mut Lab) -> Result<(), String> {
    let (page, header) = (lab.secret("MARK7A")?, lab.secret("MARK7B")?);
    let place = |name: &str| lab.directory().join(name).display().to_string();
    let (key, certificate) = (place("server.key"), place("server.pem"));
    let words = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=10.77.30.2",
        "-addext",
        "subjectAltName=IP:10.77.30.2",
        "-keyout",
        &key,
        "-out",
        &certificate,
    ];
    program::run(program::command(None, None, "openssl", &words), "")?.well("openssl req")?;
    let servers = format!(
        "  server {{\n    listen 10.77.30.2:8443 ssl;\n    ssl_protocols TLSv1.3;\n    ssl_certificate {certificate};\n    \
         ssl_certificate_key {key};\n    location / {{ default_type text/plain; return 200 '{page}'; }}\n  }}"
    );
    lab.observe()?;
    let server = nginx(lab, "mod", 8443, &servers)?;
    // A header that the server ignores, in the command line and inside TLS.
    let ignored = format!("Authorization: Bearer {header}");
    let url = "https://10.77.30.2:8443/";
    let words = ["/usr/bin/curl", "-s", "-S", "-q", "--cacert", &certificate, "-H", &ignored, url];
    let answer = lab.run("app", None, &words, &[], "")?.well("curl")?;
    oracle("the caller is served", answer.stdout.contains(&page))?;
    quiet(&server, 8443)?;
    lab.end()?;

    let path = lab.directory().join("nginx/access.log");
    let log = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    oracle("nginx answered 200 once", log.matches(" 200 ").count() == 1 && log.lines().count() == 1)?;
    let words = ["/usr/bin/openssl", "s_client", "-connect", "10.77.30.2:8443", "-CAfile", &certificate];
    let handshake = lab.run("app", None, &words, &[], "")?.well("openssl s_client")?;
    oracle("it is TLS 1.3", handshake.stdout.contains("TLSv1.3"))?;
    oracle(
        "the server asks for no certificate",
        handshake.stdout.contains("No client certificate CA names sent")
            && !handshake.stdout.contains("Acceptable client certificate"),
    )
}

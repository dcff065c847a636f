//! OpenLDAP over TLS 1.3 by GnuTLS: one directory demands a client certificate, another asks nobody. From outside, and
//! with a look through the server's library.

use rustix::process::Signal;

use super::d06;
use crate::lab::program;
use crate::lab::programs::{LDAPSEARCH, OPENSSL, SLAPD, listens, quiet, server_certificate};
use crate::lab::scenario::{Lab, Scenario, make_directory, oracle};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "ldaps",
    truth: include_str!("ldaps/truth.json"),
    needs: &[SLAPD, LDAPSEARCH, OPENSSL],
    steps: |lab| run(lab, &[]),
    also: None,
};

/// The same, with a look through the server's library.
pub(super) const LIBRARY: Scenario = Scenario {
    name: "ldaps-library",
    truth: include_str!("ldaps/library.json"),
    steps: |lab| run(lab, d06::LIBRARY),
    ..SCENARIO
};

fn run(lab: &mut Lab, options: &[&str]) -> Result<(), String> {
    let secret = lab.secret("MARKLDAP")?;
    let (key, certificate) = server_certificate(lab, "10.77.30.2")?;
    let (authority, agent_key, agent_certificate) = d06::certificates(lab)?;
    let entries = format!(
        "dn: dc=lab\nobjectClass: dcObject\nobjectClass: organization\ndc: lab\no: lab\n\n\
         dn: cn=orders,dc=lab\nobjectClass: device\ncn: orders\ndescription: {secret}\n"
    );
    let entries = lab.write("entries.ldif", &entries, 0o600)?;
    lab.observe_with(options)?;
    let mut servers = Vec::new();
    for (name, port, demand) in [("demands", 636, "demand"), ("asks-nobody", 637, "never")] {
        let place = lab.directory().join(name);
        make_directory(&place, 0o700)?;
        let configuration = format!(
            "include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n\
             TLSCACertificateFile {authority}\nTLSCertificateFile {certificate}\nTLSCertificateKeyFile {key}\n\
             TLSVerifyClient {demand}\ndatabase mdb\nsuffix dc=lab\nmaxsize 1048576\ndirectory {}\n",
            place.display()
        );
        let file = lab.write(&format!("{name}.conf"), &configuration, 0o600)?;
        let words = ["-q", "-f", &file, "-l", &entries];
        program::run(program::command(None, None, "/usr/sbin/slapadd", &words), "")?.well("slapadd")?;
        let url = format!("ldaps://10.77.30.2:{port}/");
        let words = ["/usr/sbin/slapd", "-d", "0", "-f", &file, "-h", &url];
        let mut server = lab.daemon(name, "mod", None, &words, Signal::TERM)?;
        listens(&mut server, lab, name, port)?;
        servers.push((server, port));
    }
    let search = |role: &str, port: u16, environment: &[(&str, &str)]| {
        let url = format!("ldaps://10.77.30.2:{port}/");
        let words =
            ["/usr/bin/ldapsearch", "-x", "-LLL", "-H", &url, "-b", "dc=lab", "cn=orders", "description"];
        let environment: Vec<_> =
            environment.iter().copied().chain([("LDAPTLS_CACERT", certificate.as_str())]).collect();
        lab.run(role, None, &words, &environment, "")
    };
    let shown = [("LDAPTLS_CERT", agent_certificate.as_str()), ("LDAPTLS_KEY", agent_key.as_str())];
    let answer = search("agt", 636, &shown)?.well("ldapsearch")?;
    oracle("with a certificate the entry is found", answer.stdout.contains(&secret))?;
    let answer = search("ops", 636, &[])?.badly("ldapsearch")?;
    oracle("without one the server can't be talked to", answer.stderr.contains("Can't contact LDAP server"))?;
    let answer = search("app", 637, &[])?.well("ldapsearch")?;
    oracle("where nobody is asked the entry is found", answer.stdout.contains(&secret))?;
    for (server, port) in &servers {
        quiet(server, *port)?;
    }
    lab.end()
}

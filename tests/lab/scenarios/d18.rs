//! D18: static, rotated, expiring. One API, three kinds of credential.

use rustix::process::Signal;

use crate::lab::programs::{CURL, OPENSSL, PYTHON, listens, quiet};
use crate::lab::scenario::{Lab, Scenario, oracle};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "d18",
    truth: include_str!("d18/truth.json"),
    needs: &[CURL, OPENSSL, PYTHON],
    steps,
    also: None,
};

/// An API that wants the key in a file, or a JWT signed with RS256 that has not expired.
pub(super) const SERVER: &str = "\
import base64, http.server, json, subprocess, sys, tempfile, time
place = sys.argv[1]
def decode(text):
    return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))
def signed(token):
    text, _, signature = token.rpartition('.')
    with tempfile.NamedTemporaryFile() as body, tempfile.NamedTemporaryFile() as proof:
        body.write(text.encode()); body.flush()
        proof.write(decode(signature)); proof.flush()
        words = ['/usr/bin/openssl', 'dgst', '-sha256', '-verify', place + '/public.pem', '-signature', proof.name, body.name]
        good = subprocess.run(words, capture_output=True).returncode == 0
    return good and json.loads(decode(text.split('.')[1]))['exp'] > time.time()
class Api(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        key, bearer = self.headers.get('X-API-Key'), self.headers.get('Authorization', '')
        known = key is not None and key == open(place + '/api.key').read().strip()
        known = known or bearer.startswith('Bearer ') and signed(bearer[7:])
        body = b'served' if known else b'refused'
        self.send_response(200 if known else 401)
        if not known:
            self.send_header('WWW-Authenticate', 'Bearer')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(('10.77.20.2', 8080), Api).serve_forever()
";
/// Prints a JWT: key file, subject, issued how many seconds ago, living how many seconds.
pub(super) const ISSUE: &str = "\
import base64, json, subprocess, sys, time
def encode(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b'=').decode()
issued = int(time.time()) - int(sys.argv[3])
claims = {'iss': 'lab', 'sub': sys.argv[2], 'iat': issued, 'exp': issued + int(sys.argv[4])}
text = encode(json.dumps({'alg': 'RS256', 'typ': 'JWT'}).encode()) + '.' + encode(json.dumps(claims).encode())
words = ['/usr/bin/openssl', 'dgst', '-sha256', '-sign', sys.argv[1]]
print(text + '.' + encode(subprocess.run(words, input=text.encode(), check=True, capture_output=True).stdout))
";

const TEN_YEARS_S: &str = "315360000";

fn steps(lab: &mut Lab) -> Result<(), String> {
    let (first, second) = (lab.secret("MARK18a")?, lab.secret("MARK18b")?);
    let (server, issue) = (lab.write("server.py", SERVER, 0o644)?, lab.write("issue.py", ISSUE, 0o644)?);
    let place = lab.directory().display().to_string();
    let (private, public) = (format!("{place}/private.pem"), format!("{place}/public.pem"));
    let words = [
        "/usr/bin/openssl",
        "genpkey",
        "-algorithm",
        "RSA",
        "-pkeyopt",
        "rsa_keygen_bits:2048",
        "-out",
        &private,
    ];
    lab.run("mod", None, &words, &[], "")?.well("openssl genpkey")?;
    let words = ["/usr/bin/openssl", "pkey", "-in", &private, "-pubout", "-out", &public];
    lab.run("mod", None, &words, &[], "")?.well("openssl pkey")?;
    lab.write("api.key", &first, 0o644)?;
    lab.observe()?;
    let words = ["/usr/bin/python3", &server, &place];
    let mut api = lab.daemon("api", "leg", None, &words, Signal::TERM)?;
    listens(&mut api, lab, "api", 8080)?;
    let call = |lab: &Lab, role: &str, field: &str| {
        let words = ["/usr/bin/curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", field];
        let words: Vec<&str> = words.into_iter().chain(["http://10.77.20.2:8080/orders"]).collect();
        Ok::<_, String>(lab.run(role, None, &words, &[], "")?.well("curl")?.stdout)
    };
    let token = |lab: &Lab, subject: &str, ago: &str, lives: &str| {
        let words = ["/usr/bin/python3", &issue, &private, subject, ago, lives];
        let token = lab.run("mod", None, &words, &[], "")?.well("issue.py")?.stdout;
        Ok::<_, String>(format!("Authorization: Bearer {}", token.trim()))
    };

    let (old, new) = (format!("X-API-Key: {first}"), format!("X-API-Key: {second}"));
    oracle("the key serves", call(lab, "app", &old)? == "200" && call(lab, "app", &old)? == "200")?;
    lab.write("api.key", &second, 0o644)?;
    oracle("the old key is refused", call(lab, "app", &old)? == "401")?;
    oracle("the new key serves", call(lab, "app", &new)? == "200")?;

    // The first has a few seconds left; each of the others takes the place of one that still has some.
    let oldest = token(lab, "batch", "50", "60")?;
    oracle("a token of a minute serves", call(lab, "mod", &oldest)? == "200")?;
    for ago in ["40", "20", "0"] {
        let fresh = token(lab, "batch", ago, "60")?;
        oracle("a token of a minute serves", call(lab, "mod", &fresh)? == "200")?;
    }
    std::thread::sleep(std::time::Duration::from_secs(12));
    oracle("an expired token is refused", call(lab, "mod", &oldest)? == "401")?;

    let long = token(lab, "forever", "0", TEN_YEARS_S)?;
    oracle("a token of ten years serves", call(lab, "agt", &long)? == "200")?;
    quiet(&api, 8080)?;
    lab.end()?;
    oracle("nothing at all is refused", call(lab, "ops", "X-Nothing: 1")? == "401")
}

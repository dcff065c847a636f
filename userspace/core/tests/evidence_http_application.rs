//! What is asked for inside HTTP, what tokens say of themselves, and secrets in bodies and addresses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{LIMIT, Turn, c, check, fingerprinter, line, now, s};
use tierzero_core::event::Role;
use tierzero_core::evidence::Conversation;

const SPEAKS: &str = "speaks http [stream.protocol]";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const SERVED: &str = "serves Service [http.request-served]";
const TAKEN: &str = "serves Service [http.request-with-body-served]";

fn post(target: &str, fields: &str, body: &str) -> Turn {
    c(format!("POST {target} HTTP/1.1\r\nHost: x\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len()))
}

#[track_caller]
fn asks(turn: Turn, carries: &str, served: &str) {
    check(&[turn, s(OK)], &[SPEAKS, carries, served]);
}

#[test]
fn mcp_of_both_eras() {
    let rpc = |body: &str| post("/mcp", "Accept: application/json, text/event-stream\r\n", body);
    asks(
        rpc(
            r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x"}}}"#,
        ),
        "carries mcp \"initialize\" [http.mcp-initialize]",
        TAKEN,
    );
    asks(
        rpc(
            r#"{"params":{"name":"lookup_customer","arguments":{"method":"x"}},"method":"tools/call","id":1,"jsonrpc":"2.0"}"#,
        ),
        "carries mcp \"tools/call lookup_customer\" [http.mcp-tools-call]",
        TAKEN,
    );
    asks(
        rpc(r#"[{"jsonrpc":"2.0","method":"notifications/initialized"}]"#),
        "carries mcp \"notifications/initialized\" [http.mcp-method]",
        TAKEN,
    );
    asks(
        rpc(
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#,
        ),
        "carries mcp \"ping\" [http.mcp-stateless]",
        TAKEN,
    );
    asks(
        post(
            "/any",
            "Mcp-Method: tools/call\r\nMcp-Name: lookup\r\nMCP-Protocol-Version: 2026-07-28\r\n",
            "x",
        ),
        "carries mcp \"tools/call lookup\" [http.mcp-tools-call]",
        TAKEN,
    );
    asks(c("GET /mcp HTTP/1.1\r\nMcp-Session-Id: MARK\r\n\r\n"), "carries mcp [http.mcp]", SERVED);
    // A session's id is no credential, JSON-RPC alone no sign, and neither is another protocol's `initialize`.
    check(&[rpc(r#"{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[]}"#), s(OK)], &[SPEAKS, TAKEN]);
    check(
        &[rpc(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":1}}"#), s(OK)],
        &[SPEAKS, TAKEN],
    );
}

#[test]
fn agents_models_and_what_runs_an_estate() {
    let message = r#"{"jsonrpc":"2.0","id":"1","method":"message/send","params":{"message":{}}}"#;
    asks(post("/", "", message), "carries a2a \"message/send\" [http.a2a]", TAKEN);
    asks(
        c("GET /.well-known/agent-card.json HTTP/1.1\r\n\r\n"),
        "carries a2a [http.a2a-agent-card]",
        "serves Public [http.public-request-served]",
    );
    for (target, fields, body, carries) in [
        (
            "/v1/chat/completions",
            "",
            r#"{"model":"qwen","messages":[{"role":"user","content":"x"}],"stream":true}"#,
            "carries model-api \"openai qwen\" [http.model-api]",
        ),
        (
            "/v1/responses",
            "",
            r#"{"model":"m","input":"x","tools":[{"type":"function"}]}"#,
            "carries model-api \"openai m\" [http.model-api-tools]",
        ),
        (
            "/v1/messages",
            "anthropic-version: 2023-06-01\r\n",
            r#"{"model":"m","max_tokens":9,"messages":[]}"#,
            "carries model-api \"anthropic m\" [http.model-api]",
        ),
        (
            "/v1beta/models/g-pro:streamGenerateContent",
            "",
            r#"{"contents":[{"parts":[]}]}"#,
            "carries model-api \"gemini g-pro\" [http.model-api]",
        ),
        ("/model/a.b-v1/converse", "", "{}", "carries model-api \"bedrock a.b-v1\" [http.model-api]"),
        (
            "/api/generate",
            "",
            r#"{"model":"llama","prompt":"x"}"#,
            "carries model-api \"ollama llama\" [http.model-api]",
        ),
        ("/v2/models/m/infer", "", "{}", "carries model-api \"kserve m\" [http.model-api]"),
        ("/collections/c/points/query", "", "{}", "carries vector-store [http.vector-store]"),
        ("/v1.41/containers/create", "", "{}", "carries docker [http.docker-api]"),
        ("/api/v1/namespaces/default/pods", "", "{}", "carries kubernetes [http.kubernetes-api]"),
        ("/v3/kv/range", "", "{}", "carries etcd [http.etcd]"),
        ("/index/_search", "", "{}", "carries elasticsearch [http.elasticsearch]"),
    ] {
        asks(post(target, fields, body), carries, TAKEN);
    }
    asks(
        c("GET /computeMetadata/v1/token HTTP/1.1\r\nMetadata-Flavor: Google\r\n\r\n"),
        "carries instance-metadata [http.instance-metadata]",
        "serves Public [http.public-request-served]",
    );
    let consul = "HTTP/1.1 200 OK\r\nX-Consul-Index: 7\r\nContent-Length: 0\r\n\r\n";
    check(
        &[c("GET /v1/kv/a HTTP/1.1\r\n\r\n"), s(consul)],
        &[SPEAKS, "carries consul [http.consul]", SERVED],
    );
}

#[test]
fn secrets_in_bodies_and_addresses() {
    let in_body = "offers Secret for Request by Password in clear with fingerprint [http.secret-in-body]";
    let soap = "<s:Envelope><wsse:UsernameToken><wsse:Username>u</wsse:Username><wsse:Password Type=\"t\">MARK</wsse:Password></wsse:UsernameToken></s:Envelope>";
    for body in ["user=a&password=MARK", r#"{"user":"a","password":"MARK"}"#, soap] {
        check(&[post("/login", "", body), s(OK)], &[SPEAKS, in_body, TAKEN]);
    }
    check(&[post("/login", "", "user=a"), s(OK)], &[SPEAKS, "serves Public [http.public-request-served]"]);
    let get = |target: &str| c(format!("GET {target} HTTP/1.1\r\n\r\n"));
    check(
        &[get("/b/o?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=900&X-Amz-Signature=MARK"), s(OK)],
        &[SPEAKS, "offers Token for Request by Signature 900s in clear [http.presigned-address]", SERVED],
    );
    let in_target = "offers Secret for Request by ApiKey in clear with fingerprint [http.key-in-target]";
    check(&[get("/v1?key=MARKMARKMARKMARK"), s(OK)], &[SPEAKS, in_target, SERVED]);
    check(&[get("/v1?key=name&token=abc"), s(OK)], &[SPEAKS, SERVED]);
}

/// base64url without padding.
fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for three in text.as_bytes().chunks(3) {
        let bits =
            three.iter().fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - three.len()));
        for at in 0..=three.len() {
            out.push(char::from(ALPHABET[(bits >> (18 - 6 * at)) as usize & 63]));
        }
    }
    out
}

#[test]
fn what_tokens_say_of_themselves() {
    let offers = |token: String, expect: &str| {
        let request = c(format!("GET /v1 HTTP/1.1\r\nAuthorization: Bearer {token}\r\n\r\n"));
        check(&[request, s(OK)], &[SPEAKS, expect, SERVED]);
    };
    let jwt = |claims: &str| format!("{}.{}.MARK", base64(r#"{"alg":"RS256"}"#), base64(claims));
    let moment = now().as_second();
    let claims = |from: i64, to: i64| format!(r#"{{"iss":"i","client_id":"c","nbf":{from},"exp":{to}}}"#);
    offers(
        jwt(&claims(moment - 60, moment + 840)),
        "offers Token for Request as JwtSubject \"i|c\" by Jwt 900s in clear with fingerprint [http.jwt]",
    );
    // Within what clocks may differ, and beyond.
    offers(
        jwt(&claims(moment - 900, moment - 299)),
        "offers Token for Request as JwtSubject \"i|c\" by Jwt 601s in clear with fingerprint [http.jwt]",
    );
    offers(
        jwt(&claims(moment - 4000, moment - 400)),
        "offers Secret for Request as JwtSubject \"i|c\" by Jwt 3600s in clear with fingerprint [http.jwt-expired]",
    );
    offers(
        format!("{}.MARK.MARK.MARK.MARK", base64(r#"{"alg":"dir","enc":"A256GCM"}"#)),
        "offers Secret for Request by Bearer in clear with fingerprint [http.jwt-encrypted]",
    );
}

#[test]
fn a_body_of_which_only_the_start_was_kept_is_read_as_far_as_it_is_there() {
    let head =
        "POST /mcp HTTP/1.1\r\nContent-Length: 9000\r\n\r\n{\"jsonrpc\":\"2.0\",\"method\":\"tools/list\",";
    let mut conversation = Conversation::new(LIMIT, fingerprinter());
    let mut out = Vec::new();
    let length = head.len() as u64;
    conversation.payload(Role::Originator, 0, length + 8000, head.as_bytes(), now(), &mut out);
    conversation.payload(Role::Responder, 0, OK.len() as u64, OK.as_bytes(), now(), &mut out);
    conversation.finish(&mut out);
    let said: Vec<String> = out.iter().map(line).collect();
    assert_eq!(
        said,
        [SPEAKS, "carries mcp \"tools/list\" [http.mcp-method]", "asks [http.operation]", TAKEN]
    );
    // A long body is passed over.
    let body = format!("{{\"jsonrpc\":\"2.0\",\"method\":\"tools/list\",\"x\":\"{}\"}}", "y".repeat(50_000));
    check(
        &[post("/mcp", "", &body), s(OK), c("GET /b HTTP/1.1\r\n\r\n"), s(OK)],
        &[SPEAKS, "carries mcp \"tools/list\" [http.mcp-method]", TAKEN, SERVED],
    );
}

#[test]
fn the_programs_that_run_an_estate() {
    for (target, carries) in [
        ("/v1/catalog/services", "carries consul [http.consul]"),
        ("/v1/agent/services", "carries consul [http.consul]"),
        ("/v1/job/web", "carries nomad [http.nomad]"),
        ("/v1/sys/mounts", "carries vault [http.vault]"),
        ("/v3/lease/leases", "carries etcd [http.etcd]"),
        ("/_all_dbs", "carries couchdb [http.couchdb]"),
        ("/api/v1/query?query=up", "carries prometheus [http.prometheus]"),
        ("/api/v2/query", "carries influxdb [http.influxdb]"),
        ("/v4.9.0/libpod/containers/json", "carries docker [http.docker-api]"),
        ("/exec/5f3/start", "carries docker [http.docker-api]"),
        ("/cri/exec/aBc", "carries kubernetes [http.kubernetes-api]"),
        ("/portForward/default/web", "carries kubernetes [http.kubernetes-api]"),
    ] {
        asks(c(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")), carries, SERVED);
    }
    asks(
        c("POST /exec/default/web/main HTTP/1.1\r\n\r\n"),
        "carries kubernetes [http.kubernetes-api]",
        SERVED,
    );
    for (field, carries) in [
        ("X-Consul-Token: MARK", "carries consul [http.consul]"),
        ("X-Nomad-Token: MARK", "carries nomad [http.nomad]"),
        ("X-Vault-Token: MARK", "carries vault [http.vault]"),
        ("X-ClickHouse-User: u\r\nX-ClickHouse-Key: MARK", "carries clickhouse [http.clickhouse]"),
    ] {
        let key = "offers Secret for Request by ApiKey in clear with fingerprint [http.api-key]";
        let request = c(format!("GET /a HTTP/1.1\r\n{field}\r\n\r\n"));
        check(&[request, s(OK)], &[SPEAKS, carries, key, SERVED]);
    }
    let public = "serves Public [http.public-request-served]";
    let scrape = c("GET /metrics HTTP/1.1\r\nX-Prometheus-Scrape-Timeout-Seconds: 10\r\n\r\n");
    asks(scrape, "carries prometheus [http.prometheus]", public);
    for target in ["/-/healthy", "/_up", "/healthz", "/readyz?verbose"] {
        check(&[c(format!("GET {target} HTTP/1.1\r\n\r\n")), s(OK)], &[SPEAKS, public]);
    }
    asks(c("GET /v1.41/_ping HTTP/1.1\r\n\r\n"), "carries docker [http.docker-api]", public);
    asks(c("GET /v1/sys/seal-status HTTP/1.1\r\n\r\n"), "carries vault [http.vault]", public);
    for (field, carries) in [
        ("Server: CouchDB/3.3 (Erlang OTP/24)", "carries couchdb [http.couchdb]"),
        ("X-Influxdb-Version: 1.8.10", "carries influxdb [http.influxdb]"),
        ("X-Nomad-Index: 4", "carries nomad [http.nomad]"),
        ("X-ClickHouse-Summary: {}", "carries clickhouse [http.clickhouse]"),
    ] {
        let answer = s(format!("HTTP/1.1 200 OK\r\n{field}\r\nContent-Length: 0\r\n\r\n"));
        check(&[c("GET /db HTTP/1.1\r\n\r\n"), answer], &[SPEAKS, carries, SERVED]);
    }
    let mcp = "GET /m HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: mcp\r\n\r\n";
    let opened = s("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n");
    check(&[c(mcp), opened], &[SPEAKS, "carries mcp [http.mcp]", "hidden Unsupported [websocket.carried]"]);
}

#[test]
fn names_and_passwords_in_addresses() {
    let get = |target: &str| c(format!("GET {target} HTTP/1.1\r\n\r\n"));
    let hdfs = "carries webhdfs [http.webhdfs]";
    let claim = "offers Claim for Request as User \"alice\" [http.name-in-target]";
    check(&[get("/webhdfs/v1/tmp?op=LISTSTATUS&user.name=alice"), s(OK)], &[SPEAKS, hdfs, claim, SERVED]);
    let key = "offers Secret for Request by ApiKey in clear with fingerprint [http.key-in-target]";
    check(&[get("/webhdfs/v1/tmp?op=OPEN&delegation=MARK"), s(OK)], &[SPEAKS, hdfs, key, SERVED]);
    check(&[get("/query?db=a&u=alice&p=MARK"), s(OK)], &[SPEAKS, key, SERVED]);
    check(&[get("/page?p=2"), s(OK)], &[SPEAKS, SERVED]);
}

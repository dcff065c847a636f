//! What is asked for inside HTTP: MCP of both eras, A2A, the formats of model servers, and the interfaces of the
//! programs that run an estate.
//!
//! Sources: Model Context Protocol 2024-11-05 to 2026-07-28 (transports, basic), A2A 0.3 and 1.0, the public references
//! of OpenAI's, Anthropic's, Gemini's, Bedrock's, Ollama's and KServe's HTTP interfaces, Docker Engine API, Kubernetes
//! API concepts, etcd, Consul, Vault, Elasticsearch. A label decides nothing about who calls.

use super::dissector::rules;
use super::http_infrastructure;
use super::json_skim::Skim;
use super::{Application, Rule, Shown};

rules! {
    pub(crate) table;
    MCP = "http.mcp", v 1, Observed, Wire,
        "The request has fields of the Model Context Protocol",
        "Not what it asks for";
    MCP_INITIALIZE = "http.mcp-initialize", v 1, Observed, Wire,
        "A Model Context Protocol session was begun (revisions up to 2025-11-25)",
        "The names that client and server give themselves prove nothing";
    MCP_STATELESS = "http.mcp-stateless", v 1, Observed, Wire,
        "A Model Context Protocol request that stands for itself (revision 2026-07-28)",
        "Not whether the receiver kept a session all the same";
    MCP_CALL = "http.mcp-tools-call", v 1, Observed, Wire,
        "A tool was called by the Model Context Protocol",
        "Not what the tool did, nor which connection it used";
    MCP_METHOD = "http.mcp-method", v 1, Observed, Wire,
        "A request of the Model Context Protocol other than a tool call",
        "Not what the answer held";
    A2A = "http.a2a", v 1, Observed, Wire,
        "A request of the Agent2Agent protocol",
        "Not who the agents are";
    A2A_CARD = "http.a2a-agent-card", v 1, Observed, Wire,
        "An agent's card was asked for (Agent2Agent)",
        "Not what the card declares";
    MODEL = "http.model-api", v 1, Observed, Wire,
        "A request in the format of a model server",
        "Not which program or model answers";
    MODEL_TOOLS = "http.model-api-tools", v 1, Observed, Wire,
        "A request to a model that offers it tools to call",
        "Not whether a tool was called";
    VECTORS = "http.vector-store", v 1, Observed, Wire,
        "A request in the format of a vector store",
        "Not which program answers";
    DOCKER = "http.docker-api", v 1, Observed, Wire,
        "A request in the format of the Docker Engine API, whose caller controls the host",
        "Not which program answers";
    KUBERNETES = "http.kubernetes-api", v 1, Observed, Wire,
        "A request in the format of the Kubernetes API or of a kubelet",
        "Not what the caller may do there";
    ETCD = "http.etcd", v 1, Observed, Wire,
        "A request in the format of etcd",
        "Not which keys it concerns";
    CONSUL = "http.consul", v 1, Observed, Wire,
        "A request or answer in the format of Consul",
        "Not what the anonymous token may do there";
    VAULT = "http.vault", v 1, Observed, Wire,
        "A request in the format of Vault",
        "Not which secrets it concerns";
    ELASTICSEARCH = "http.elasticsearch", v 1, Observed, Wire,
        "A request or answer in the format of Elasticsearch",
        "Not which program answers";
    METADATA = "http.instance-metadata", v 1, Observed, Wire,
        "A request to a cloud's instance metadata service, which serves by place and by design",
        "Not what it told";
}

/// What a request asks for.
pub(crate) type Asked = (&'static Rule, Application, Option<String>);

/// Longest name of a method, tool or model that is kept.
const NAME: usize = 128;

/// As it is reported.
pub(crate) fn shown((rule, application, call): Asked) -> (&'static Rule, Shown) {
    (rule, Shown::Carries { application, call })
}

fn named(parts: &[&str]) -> Option<String> {
    let mut name = parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" ");
    name.truncate((0..=name.len().min(NAME)).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0));
    Some(name).filter(|name| !name.is_empty())
}

/// The value of a field, where it is text.
pub(crate) fn field<'a>(fields: &'a [httparse::Header<'_>], name: &str) -> Option<&'a str> {
    let field = fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(field.value.trim_ascii()).ok()
}

/// The path of a target, without what follows `?`.
fn path(target: &str) -> &str {
    let target = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/"),
        None => target,
    };
    target.split(['?', '#']).next().unwrap_or_default()
}

/// What the head of a request asks for.
pub(crate) fn by_head(method: &str, target: &str, fields: &[httparse::Header<'_>]) -> Option<Asked> {
    let path = path(target);
    let has = |name| field(fields, name).is_some();
    let is = |name, value: &str| field(fields, name).is_some_and(|it| it.eq_ignore_ascii_case(value));
    if let Some(called) = field(fields, "mcp-method") {
        let rule = if called == "tools/call" { &MCP_CALL } else { &MCP_STATELESS };
        return Some((
            rule,
            Application::Mcp,
            named(&[called, field(fields, "mcp-name").unwrap_or_default()]),
        ));
    }
    if has("mcp-session-id") || has("mcp-protocol-version") || is("sec-websocket-protocol", "mcp") {
        return Some((&MCP, Application::Mcp, None));
    }
    if path.ends_with("/.well-known/agent-card.json") || path.ends_with("/.well-known/agent.json") {
        return Some((&A2A_CARD, Application::A2a, None));
    }
    if has("a2a-version")
        || field(fields, "content-type").is_some_and(|it| it.starts_with("application/a2a+json"))
        || path.ends_with("/message:send")
        || path.ends_with("/message:stream")
        || path.contains(".A2AService/")
    {
        return Some((&A2A, Application::A2a, None));
    }
    if let Some((format, model)) = model_path(method, path, fields) {
        return Some((&MODEL, Application::ModelApi, named(&[format, model])));
    }
    if has("metadata-flavor")
        || is("metadata", "true")
        || path.starts_with("/latest/meta-data")
        || has("x-aws-ec2-metadata-token-ttl-seconds")
    {
        return Some((&METADATA, Application::InstanceMetadata, None));
    }
    if has("x-vault-token") || has("x-vault-request") {
        return Some((&VAULT, Application::Vault, None));
    }
    http_infrastructure::by_fields(fields).or_else(|| by_path(method, path))
}

/// Addresses that belong to one interface alone.
fn by_path(method: &str, path: &str) -> Option<Asked> {
    let starts = |starts: &[&str]| starts.iter().any(|start| path.starts_with(start));
    let contains = |parts: &[&str]| parts.iter().any(|part| path.contains(part));
    if starts(&["/etcdserverpb.", "/v3lockpb.", "/v3electionpb.", "/v3/kv/", "/v3/auth/", "/v2/keys/"]) {
        return Some((&ETCD, Application::Etcd, None));
    }
    if starts(&["/containerd.services.", "/runtime.v1.", "/moby."]) || is_docker(path) {
        return Some((&DOCKER, Application::Docker, None));
    }
    if starts(&["/stats/summary", "/runningpods", "/metrics/cadvisor", "/containerLogs/"])
        || path.strip_prefix("/apis/").is_some_and(|rest| rest.contains("/v1") || rest.contains("/v2"))
        || path.starts_with("/api/v1/namespaces")
        || path.starts_with("/api/v1/nodes")
        || path.starts_with("/api/v1/pods")
    {
        return Some((&KUBERNETES, Application::Kubernetes, None));
    }
    if starts(&["/milvus.proto.", "/qdrant.", "/weaviate.v1.", "/api/v2/tenants/"])
        || path.starts_with("/collections/") && contains(&["/points"])
    {
        return Some((&VECTORS, Application::VectorStore, None));
    }
    if starts(&["/_cluster/", "/_cat/", "/_bulk", "/_nodes", "/_msearch"])
        || method != "PUT"
            && (path.ends_with("/_search") || path.ends_with("/_bulk") || path.contains("/_doc/"))
    {
        return Some((&ELASTICSEARCH, Application::Elasticsearch, None));
    }
    http_infrastructure::by_path(path)
}

/// Docker Engine API: `/v1.41/containers/json`, or the same without a version.
fn is_docker(path: &str) -> bool {
    let path = match path.strip_prefix("/v1.").and_then(|rest| rest.split_once('/')) {
        Some((version, _)) if version.bytes().all(|byte| byte.is_ascii_digit()) && !version.is_empty() => {
            return true;
        }
        Some(_) | None => path,
    };
    let runs = path.strip_prefix("/exec/").and_then(|rest| rest.split_once('/'));
    if runs.is_some_and(|(_, verb)| ["start", "resize", "json"].contains(&verb)) {
        return true;
    }
    ["/containers/json", "/containers/create", "/images/json", "/_ping"]
        .iter()
        .any(|start| path.starts_with(start))
}

/// The format and model of a request to a model server, where its address names them.
fn model_path<'a>(
    method: &str,
    path: &'a str,
    fields: &[httparse::Header<'_>],
) -> Option<(&'static str, &'a str)> {
    if path.starts_with("/inference.GRPCInferenceService/") {
        return Some(("kserve", ""));
    }
    if method != "POST" {
        return None;
    }
    let last = path.rsplit('/').next().unwrap_or_default();
    if let Some((model, verb)) = last.split_once(':')
        && path.contains("/models/")
        && ["generateContent", "streamGenerateContent", "embedContent", "batchEmbedContents", "countTokens"]
            .contains(&verb)
    {
        return Some(("gemini", model));
    }
    if let Some(rest) = path.strip_prefix("/model/")
        && let Some((model, verb)) = rest.rsplit_once('/')
        && ["invoke", "invoke-with-response-stream", "converse", "converse-stream"].contains(&verb)
    {
        return Some(("bedrock", model));
    }
    if let Some(rest) = path.strip_prefix("/v2/models/")
        && let Some((model, "infer")) = rest.rsplit_once('/')
    {
        return Some(("kserve", model));
    }
    if path.ends_with("/v1/messages") && field(fields, "anthropic-version").is_some() {
        return Some(("anthropic", ""));
    }
    path.ends_with("/chat/completions").then_some(("openai", ""))
}

/// What the body of a request asks for, as far as it is there.
pub(crate) fn by_body(target: &str, body: &Skim) -> Option<Asked> {
    let path = path(target);
    let text = |path| body.get(path).unwrap_or_default();
    let method = text("method");
    if text("jsonrpc") == "2.0" {
        let stateless = body.any(&["params>_meta>io.modelcontextprotocol/protocolVersion"]);
        return match method {
            "tools/call" => Some((&MCP_CALL, Application::Mcp, named(&[method, text("params>name")]))),
            "initialize" if text("params>protocolVersion").starts_with("20") => {
                Some((&MCP_INITIALIZE, Application::Mcp, named(&[method])))
            }
            _ if stateless || method == "server/discover" => {
                Some((&MCP_STATELESS, Application::Mcp, named(&[method])))
            }
            _ if is_mcp(method) => Some((&MCP_METHOD, Application::Mcp, named(&[method]))),
            _ if is_a2a(method) => Some((&A2A, Application::A2a, named(&[method]))),
            _ => None,
        };
    }
    let asks = body.any(&["messages", "input", "prompt"]);
    let format = match path {
        _ if !body.any(&["model"]) || !asks => return None,
        _ if path.ends_with("/messages") && body.any(&["max_tokens"]) => "anthropic",
        _ if ["/api/chat", "/api/generate", "/api/embed", "/api/embeddings"]
            .iter()
            .any(|end| path.ends_with(end)) =>
        {
            "ollama"
        }
        _ if ["/completions", "/responses", "/embeddings"].iter().any(|end| path.ends_with(end)) => "openai",
        _ => return None,
    };
    let tools = body.any(&["tools", "functions", "tool_choice", "function_call", "toolConfig"]);
    let rule = if tools { &MODEL_TOOLS } else { &MODEL };
    Some((rule, Application::ModelApi, named(&[format, text("model")])))
}

/// Methods of every revision of the Model Context Protocol.
fn is_mcp(method: &str) -> bool {
    let starts = ["tools/", "resources/", "prompts/", "subscriptions/", "notifications/"];
    starts.iter().any(|start| method.starts_with(start))
        || [
            "completion/complete",
            "sampling/createMessage",
            "roots/list",
            "elicitation/create",
            "logging/setLevel",
        ]
        .contains(&method)
}

/// Methods of A2A 0.3 and 1.0.
fn is_a2a(method: &str) -> bool {
    let names = [
        "SendMessage",
        "SendStreamingMessage",
        "GetTask",
        "CancelTask",
        "SubscribeToTask",
        "GetExtendedAgentCard",
        "message/send",
        "message/stream",
    ];
    names.contains(&method) || method.starts_with("tasks/")
}

/// What the fields of an answer say about who answers.
pub(crate) fn by_answer(fields: &[httparse::Header<'_>]) -> Option<Asked> {
    let has = |name| field(fields, name).is_some();
    let server = field(fields, "server").unwrap_or_default();
    if has("x-elastic-product") {
        return Some((&ELASTICSEARCH, Application::Elasticsearch, None));
    }
    if has("x-consul-index") || has("x-consul-knownleader") || has("x-consul-effective-consistency") {
        return Some((&CONSUL, Application::Consul, None));
    }
    if server.starts_with("Docker/") || server.starts_with("Libpod/") || has("docker-experimental") {
        return Some((&DOCKER, Application::Docker, None));
    }
    if has("x-kubernetes-pf-flowschema-uid") {
        return Some((&KUBERNETES, Application::Kubernetes, None));
    }
    if has("x-etcd-cluster-id") {
        return Some((&ETCD, Application::Etcd, None));
    }
    if has("mcp-session-id") {
        return Some((&MCP, Application::Mcp, None));
    }
    http_infrastructure::by_answer(fields)
}

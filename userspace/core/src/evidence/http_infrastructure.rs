//! Interfaces by HTTP of the programs that run an estate, beyond those that [`super::http_application`] names.
//!
//! Sources: the public references of Consul's, Nomad's, Vault's, CouchDB's, InfluxDB's, Prometheus', ClickHouse's,
//! Podman's, the kubelet's and WebHDFS' HTTP interfaces.

use super::Application;
use super::dissector::rules;
use super::http_application::{Asked, CONSUL, DOCKER, ETCD, KUBERNETES, VAULT, field};

rules! {
    pub(crate) table;
    NOMAD = "http.nomad", v 1, Observed, Wire,
        "A request in the format of Nomad, whose caller can run programs on its hosts",
        "Not what the anonymous policy may do there";
    COUCHDB = "http.couchdb", v 1, Observed, Wire,
        "A request or answer in the format of CouchDB",
        "Not which program answers";
    INFLUXDB = "http.influxdb", v 1, Observed, Wire,
        "A request or answer in the format of InfluxDB",
        "Not which program answers";
    PROMETHEUS = "http.prometheus", v 1, Observed, Wire,
        "A request in the format of Prometheus, or one that it sends to what it watches",
        "Not which program answers";
    CLICKHOUSE = "http.clickhouse", v 1, Observed, Wire,
        "A request or answer in the format of ClickHouse's HTTP interface",
        "Not which program answers";
    WEBHDFS = "http.webhdfs", v 1, Observed, Wire,
        "A request in the format of WebHDFS",
        "Not which files it concerns";
}

/// Addresses that belong to one interface alone, and to which.
const STARTS: &[(&str, Asked)] = &[
    ("/v1/catalog/", (&CONSUL, Application::Consul, None)),
    ("/v1/agent/service", (&CONSUL, Application::Consul, None)),
    ("/v1/agent/check", (&CONSUL, Application::Consul, None)),
    ("/v1/health/service/", (&CONSUL, Application::Consul, None)),
    ("/v1/event/fire/", (&CONSUL, Application::Consul, None)),
    ("/v1/connect/intentions", (&CONSUL, Application::Consul, None)),
    ("/v1/acl/bootstrap", (&CONSUL, Application::Consul, None)),
    ("/v1/job/", (&NOMAD, Application::Nomad, None)),
    ("/v1/allocation/", (&NOMAD, Application::Nomad, None)),
    ("/v1/evaluation/", (&NOMAD, Application::Nomad, None)),
    ("/v1/client/fs/", (&NOMAD, Application::Nomad, None)),
    ("/v1/sys/", (&VAULT, Application::Vault, None)),
    ("/v1/secret/data/", (&VAULT, Application::Vault, None)),
    ("/v3/lease/", (&ETCD, Application::Etcd, None)),
    ("/v3/cluster/", (&ETCD, Application::Etcd, None)),
    ("/v3/maintenance/", (&ETCD, Application::Etcd, None)),
    ("/v3beta/kv/", (&ETCD, Application::Etcd, None)),
    ("/_all_dbs", (&COUCHDB, Application::Couchdb, None)),
    ("/_utils/", (&COUCHDB, Application::Couchdb, None)),
    ("/_users/org.couchdb.user", (&COUCHDB, Application::Couchdb, None)),
    ("/_node/_local/", (&COUCHDB, Application::Couchdb, None)),
    ("/api/v2/write", (&INFLUXDB, Application::Influxdb, None)),
    ("/api/v2/query", (&INFLUXDB, Application::Influxdb, None)),
    ("/api/v1/query", (&PROMETHEUS, Application::Prometheus, None)),
    ("/api/v1/targets", (&PROMETHEUS, Application::Prometheus, None)),
    ("/api/v1/label/", (&PROMETHEUS, Application::Prometheus, None)),
    ("/api/v1/admin/tsdb/", (&PROMETHEUS, Application::Prometheus, None)),
    ("/api/v1/status/tsdb", (&PROMETHEUS, Application::Prometheus, None)),
    ("/api/v1/status/config", (&PROMETHEUS, Application::Prometheus, None)),
    ("/-/reload", (&PROMETHEUS, Application::Prometheus, None)),
    ("/webhdfs/v1/", (&WEBHDFS, Application::Webhdfs, None)),
    ("/portForward/", (&KUBERNETES, Application::Kubernetes, None)),
    ("/cri/exec/", (&KUBERNETES, Application::Kubernetes, None)),
];

/// What an address asks for.
pub(crate) fn by_path(path: &str) -> Option<Asked> {
    if path.contains("/libpod/") {
        return Some((&DOCKER, Application::Docker, None));
    }
    if let Some(rest) = path.strip_prefix("/exec/")
        && rest.split('/').count() >= 3
    {
        // A kubelet's: namespace, pod and container. Docker's names one id and a verb.
        return Some((&KUBERNETES, Application::Kubernetes, None));
    }
    STARTS.iter().find(|(start, _)| path.starts_with(start)).map(|(_, asked)| asked.clone())
}

/// What the fields of a request say about whom it is for.
pub(crate) fn by_fields(fields: &[httparse::Header<'_>]) -> Option<Asked> {
    let has = |name| field(fields, name).is_some();
    if has("x-consul-token") {
        return Some((&CONSUL, Application::Consul, None));
    }
    if has("x-nomad-token") {
        return Some((&NOMAD, Application::Nomad, None));
    }
    if has("x-clickhouse-user") || has("x-clickhouse-key") {
        return Some((&CLICKHOUSE, Application::Clickhouse, None));
    }
    has("x-prometheus-scrape-timeout-seconds").then_some((&PROMETHEUS, Application::Prometheus, None))
}

/// What the fields of an answer say about who answers.
pub(crate) fn by_answer(fields: &[httparse::Header<'_>]) -> Option<Asked> {
    let has = |name| field(fields, name).is_some();
    if field(fields, "server").is_some_and(|server| server.starts_with("CouchDB/")) {
        return Some((&COUCHDB, Application::Couchdb, None));
    }
    if has("x-influxdb-version") || has("x-influxdb-build") {
        return Some((&INFLUXDB, Application::Influxdb, None));
    }
    if has("x-nomad-index") || has("x-nomad-knownleader") {
        return Some((&NOMAD, Application::Nomad, None));
    }
    has("x-clickhouse-summary").then_some((&CLICKHOUSE, Application::Clickhouse, None))
}

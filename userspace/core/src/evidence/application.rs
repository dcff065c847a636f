//! What is carried inside a protocol: a label beside it, by which agents, models and the programs that run an estate are
//! found.

use serde::{Deserialize, Serialize};

/// Applications that are carried inside a protocol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Application {
    /// Model Context Protocol, of any revision.
    Mcp,
    /// Agent2Agent protocol.
    A2a,
    /// The format of a model server (OpenAI, Anthropic, Gemini, Bedrock, Ollama, KServe).
    ModelApi,
    /// A vector store (Qdrant, Chroma, Weaviate, Milvus).
    VectorStore,
    /// Docker Engine or containerd.
    Docker,
    /// Kubernetes API or a kubelet.
    Kubernetes,
    /// etcd.
    Etcd,
    /// Consul.
    Consul,
    /// Vault.
    Vault,
    /// Elasticsearch or OpenSearch.
    Elasticsearch,
    /// Nomad.
    Nomad,
    /// CouchDB.
    Couchdb,
    /// InfluxDB.
    Influxdb,
    /// Prometheus, or what it watches.
    Prometheus,
    /// ClickHouse's HTTP interface.
    Clickhouse,
    /// WebHDFS.
    Webhdfs,
    /// A cloud's instance metadata service.
    InstanceMetadata,
}

impl Application {
    /// As exported.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mcp => "mcp",
            Self::A2a => "a2a",
            Self::ModelApi => "model-api",
            Self::VectorStore => "vector-store",
            Self::Docker => "docker",
            Self::Kubernetes => "kubernetes",
            Self::Etcd => "etcd",
            Self::Consul => "consul",
            Self::Vault => "vault",
            Self::Elasticsearch => "elasticsearch",
            Self::Nomad => "nomad",
            Self::Couchdb => "couchdb",
            Self::Influxdb => "influxdb",
            Self::Prometheus => "prometheus",
            Self::Clickhouse => "clickhouse",
            Self::Webhdfs => "webhdfs",
            Self::InstanceMetadata => "instance-metadata",
        }
    }
}

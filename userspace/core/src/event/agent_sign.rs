//! Signs of agents, as they are recorded.

use serde::{Deserialize, Serialize};

/// A sign that a process is an agent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "sign", rename_all = "snake_case")]
pub enum AgentSign {
    /// It fits an operator's rule.
    Declared {
        /// Name of the rule.
        name: String,
        /// Which keys of the rule it fits, and with what.
        by: Vec<String>,
    },
    /// It was served by a model server, as the format of what it asked shows.
    ModelServer,
    /// It called a model's endpoint inside TLS, as the name of the server shows, and both sides used the connection.
    ModelEndpoint {
        /// By which entry of the list, or of the configuration, it is known.
        name: String,
    },
    /// It sent messages of the Model Context Protocol over HTTP, as a client.
    McpClient {
        /// Which era of the protocol, where the messages tell.
        era: Option<McpEra>,
    },
    /// Its program is one that is known to be an agent.
    Program {
        /// By which entry of the list it is known.
        name: String,
    },
}

/// Eras of the Model Context Protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum McpEra {
    /// Sessions that begin with `initialize` (revisions up to 2025-11-25).
    Session,
    /// Requests that stand for themselves (revision 2026-07-28).
    Stateless,
}

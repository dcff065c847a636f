//! An HTTP API and its callers.

use jiff::Timestamp;
use tierzero_core::event::Role;
use tierzero_core::graph::Holder;
use tierzero_core::id::ProcessKey;

use super::{HOST, Scene};

/// An HTTP API and its callers.
pub(crate) struct Api {
    pub(crate) scene: Scene,
    pub(crate) receiver: ProcessKey,
    callers: u32,
    port: u16,
}

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
pub(crate) const UNAUTHORIZED: &str =
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 2\r\n\r\nno";
pub(crate) const SAID_EXPIRED: &str = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer error=\"invalid_token\", \
    error_description=\"The token expired at 12:00\"\r\nContent-Length: 2\r\n\r\nno";

impl Api {
    pub(crate) fn new() -> Self {
        Self::on(Scene::new())
    }

    pub(crate) fn on(mut scene: Scene) -> Self {
        let receiver = scene.process(10, "/usr/bin/api", HOST, 0);
        scene.listen(receiver, "127.0.0.1:8080", HOST);
        Self { scene, receiver, callers: 100, port: 40_000 }
    }

    pub(crate) fn caller(&mut self, exe: &str) -> ProcessKey {
        self.callers += 1;
        self.scene.process(self.callers, exe, HOST, 0)
    }

    /// One request for orders on a connection of its own.
    pub(crate) fn call(&mut self, caller: ProcessKey, field: &str, answer: &str) {
        self.exchange(caller, &[("/orders", field, answer)]);
    }

    /// Requests on one connection: address, field, answer.
    pub(crate) fn exchange(&mut self, caller: ProcessKey, turns: &[(&str, &str, &str)]) {
        self.port += 1;
        let from = format!("127.0.0.1:{}", self.port);
        let mut it = self.scene.connect(caller, self.receiver, (&from, HOST), ("127.0.0.1:8080", HOST));
        for (path, field, answer) in turns {
            let request = format!("GET {path} HTTP/1.1\r\nHost: api\r\n{field}\r\n");
            self.scene.says(&mut it, Role::Originator, request.as_bytes());
            self.scene.says(&mut it, Role::Responder, answer.as_bytes());
        }
        self.scene.close(&it);
        self.scene.wait(3000);
    }

    pub(crate) fn bearer(&mut self, caller: ProcessKey, token: &str, answer: &str) {
        self.call(caller, &format!("Authorization: {token}\r\n"), answer);
    }

    pub(crate) fn key(&mut self, caller: ProcessKey, key: &str, answer: &str) {
        self.call(caller, &format!("X-API-Key: {key}\r\n"), answer);
    }

    pub(crate) fn later(&mut self, seconds: i64) {
        self.scene.wait(seconds * 1000);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.scene.now()
    }

    pub(crate) fn holder(&self, name: Option<&str>) -> Holder {
        let holders = self.scene.snapshot().holders;
        let mut found =
            holders.into_iter().filter(|it| it.principal.as_ref().map(|it| it.name.as_str()) == name);
        let first = found.next().unwrap();
        assert!(found.next().is_none());
        first
    }
}

-- Agents and what belongs to them, by the id of their workload.
CREATE TABLE agent (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;

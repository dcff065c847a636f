-- The graph. A body is the whole value as JSON; the other columns are the keys it is found by.
CREATE TABLE host (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE workload (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE listener (id TEXT PRIMARY KEY, workload TEXT NOT NULL, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE edge (
    id TEXT PRIMARY KEY, caller TEXT NOT NULL, listener TEXT NOT NULL, body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- The latest flows of each edge, as witnesses. `edge` is empty for a flow that counts for no edge.
CREATE TABLE flow (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL, number INTEGER NOT NULL,
    edge TEXT NOT NULL, to_ns INTEGER NOT NULL, body TEXT NOT NULL,
    UNIQUE (session, number)
) STRICT;
CREATE INDEX flow_of_edge ON flow (edge, to_ns, id);
CREATE INDEX flow_by_age ON flow (to_ns, id);
-- One row for each run. `ended_ns` stays null when a run did not end in order.
CREATE TABLE session (
    number INTEGER PRIMARY KEY, started_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, ended_ns INTEGER
) STRICT;
-- Times between runs.
CREATE TABLE blind (
    from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (from_ns, to_ns, reason)
) STRICT, WITHOUT ROWID;
-- What was not seen, summed up: one row at most.
CREATE TABLE coverage (one INTEGER PRIMARY KEY CHECK (one = 1), body TEXT NOT NULL) STRICT;

-- What a workload does with its own connections while it is called, and proxies in front of backends.
CREATE TABLE relay (id TEXT PRIMARY KEY, inbound TEXT NOT NULL, outbound TEXT NOT NULL, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE wrap (id TEXT PRIMARY KEY, backend TEXT NOT NULL, body TEXT NOT NULL) STRICT, WITHOUT ROWID;

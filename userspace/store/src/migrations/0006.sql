-- Attempts that operators were handed, and what came of them.
CREATE TABLE drill (id TEXT PRIMARY KEY, prepared_ns INTEGER NOT NULL, body TEXT NOT NULL) STRICT, WITHOUT ROWID;

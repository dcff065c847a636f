-- What the observer found. The type and the last evidence are columns as `findings` asks by them.
CREATE TABLE finding (id TEXT PRIMARY KEY, type TEXT NOT NULL, last_ns INTEGER NOT NULL, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
-- What operators decided about findings. Rows are added and never changed; the state is worked out from them.
CREATE TABLE decision (
    number INTEGER PRIMARY KEY, finding TEXT NOT NULL, at_ns INTEGER NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX decision_of_finding ON decision (finding, at_ns, number);

-- Who shows credentials to a listener, and how long what he shows lasts.
CREATE TABLE holder (id TEXT PRIMARY KEY, listener TEXT NOT NULL, body TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- Instants are microseconds since 1970, event ids 16 hexadecimal digits.

-- Where each room's log stands.
CREATE TABLE rooms (
    -- A key is never used again, so that what is left of a forgotten room is
    -- not taken for that of a new room with its id.
    key         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT    NOT NULL UNIQUE,
    epoch       INTEGER NOT NULL,
    number      INTEGER NOT NULL, -- of the last event
    head        TEXT    NOT NULL, -- its id
    created     INTEGER NOT NULL,
    at          INTEGER NOT NULL, -- when the last event was
    members     INTEGER NOT NULL,
    empty_since INTEGER           -- NULL while there are members
) STRICT;

CREATE INDEX rooms_empty ON rooms (empty_since) WHERE empty_since IS NOT NULL;

-- The events as they are stored, a room's side by side. To look at them, use
-- the view "events".
CREATE TABLE log (
    room   INTEGER NOT NULL, -- rooms.key
    number INTEGER NOT NULL,
    event  TEXT    NOT NULL, -- JSON
    PRIMARY KEY (room, number)
) STRICT, WITHOUT ROWID;

-- The newest snapshot of each room.
CREATE TABLE snapshots (
    room     INTEGER PRIMARY KEY, -- rooms.key
    number   INTEGER NOT NULL,    -- of the last event in it
    snapshot TEXT    NOT NULL     -- JSON
) STRICT;

-- Hashes of seat tokens and PINs. They are in no event.
CREATE TABLE secrets (
    room   INTEGER NOT NULL, -- rooms.key
    name   TEXT    NOT NULL,
    member TEXT    NOT NULL, -- '' belongs to the room
    value  BLOB    NOT NULL,
    PRIMARY KEY (room, name)
) STRICT, WITHOUT ROWID;

-- Keys of forgotten rooms whose events are still to be deleted.
CREATE TABLE forgotten (
    room INTEGER PRIMARY KEY
) STRICT;

CREATE VIEW events AS
SELECT rooms.id              AS room,
       log.number            AS number,
       log.event ->> 'id'    AS id,
       log.event ->> 'epoch' AS epoch,
       log.event ->> 'at'    AS at,
       strftime('%Y-%m-%dT%H:%M:%fZ', (log.event ->> 'at') / 1e6, 'unixepoch') AS time,
       log.event ->> 'type'    AS type,
       log.event ->> 'v'       AS v,
       log.event ->> 'seat'    AS seat,
       log.event ->> 'command' AS command,
       log.event -> 'body'     AS body
FROM log JOIN rooms ON rooms.key = log.room;

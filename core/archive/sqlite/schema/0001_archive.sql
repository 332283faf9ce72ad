-- +goose Up
-- Instants are microseconds since 1970, event ids 16 hexadecimal digits. To look
-- at what is here, use the views: rooms, members, events, chat.

CREATE TABLE archive_rooms (
    key       INTEGER PRIMARY KEY AUTOINCREMENT,
    id        TEXT    NOT NULL UNIQUE,
    epoch     INTEGER NOT NULL DEFAULT 0,
    number    INTEGER NOT NULL DEFAULT 0,  -- of the newest event
    head      TEXT    NOT NULL DEFAULT '0000000000000000', -- its id
    created   INTEGER NOT NULL DEFAULT 0,
    at        INTEGER NOT NULL DEFAULT 0,  -- when the newest event was
    forgotten INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX archive_rooms_at ON archive_rooms (at);

CREATE TABLE archive_events (
    room       INTEGER NOT NULL, -- archive_rooms.key
    number     INTEGER NOT NULL,
    id         TEXT    NOT NULL,
    epoch      INTEGER NOT NULL,
    type       TEXT    NOT NULL,
    superseded INTEGER NOT NULL, -- 1: lies past a fork, is not in the history
    event      TEXT    NOT NULL, -- JSON
    PRIMARY KEY (room, number, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX archive_chat ON archive_events (room, number) WHERE type = 'chat' AND superseded = 0;

CREATE TABLE archive_snapshots (
    room     INTEGER PRIMARY KEY, -- archive_rooms.key
    number   INTEGER NOT NULL,    -- of the last event in it
    id       TEXT    NOT NULL,    -- that event's
    snapshot TEXT    NOT NULL     -- JSON
) STRICT;

CREATE VIEW rooms AS
SELECT id, epoch, number, forgotten,
       strftime('%Y-%m-%dT%H:%M:%fZ', created / 1e6, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', at / 1e6, 'unixepoch')      AS last_event_at
FROM archive_rooms;

CREATE VIEW events AS
SELECT r.id AS room, e.number, e.id, e.epoch, e.type, e.superseded,
       strftime('%Y-%m-%dT%H:%M:%fZ', (e.event ->> 'at') / 1e6, 'unixepoch') AS at,
       e.event ->> 'seat' AS seat, e.event ->> 'command' AS command, e.event -> 'body' AS body
FROM archive_events e JOIN archive_rooms r ON r.key = e.room;

CREATE VIEW chat AS
SELECT r.id AS room, e.number,
       strftime('%Y-%m-%dT%H:%M:%fZ', (e.event ->> 'at') / 1e6, 'unixepoch') AS at,
       e.event ->> '$.body.member' AS member, e.event ->> '$.body.name' AS name, e.event ->> '$.body.text' AS text
FROM archive_events e JOIN archive_rooms r ON r.key = e.room
WHERE e.type = 'chat' AND e.superseded = 0;

-- A row for every stay.
CREATE VIEW members AS
SELECT r.id AS room, j.event ->> '$.body.member' AS member, j.event ->> '$.body.name' AS name,
       strftime('%Y-%m-%dT%H:%M:%fZ', (j.event ->> 'at') / 1e6, 'unixepoch') AS joined_at,
       (SELECT strftime('%Y-%m-%dT%H:%M:%fZ', (l.event ->> 'at') / 1e6, 'unixepoch') FROM archive_events l
        WHERE l.room = j.room AND l.number > j.number AND l.type = 'left' AND l.superseded = 0
          AND l.event ->> '$.body.member' = j.event ->> '$.body.member'
        ORDER BY l.number LIMIT 1) AS left_at
FROM archive_events j JOIN archive_rooms r ON r.key = j.room
WHERE j.type = 'joined' AND j.superseded = 0;

-- +goose Down
DROP VIEW members;
DROP VIEW chat;
DROP VIEW events;
DROP VIEW rooms;
DROP TABLE archive_snapshots;
DROP TABLE archive_events;
DROP TABLE archive_rooms;

-- +goose Up
-- Everything is in the schema "tandem_archive", which the connection's search_path names
-- first. Instants are microseconds since 1970, event ids 16 hexadecimal digits.
-- To look at what is here, use the views: rooms, members, events, chat.

CREATE TABLE archive_rooms (
    key       bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id        text    COLLATE "C" NOT NULL UNIQUE,
    epoch     bigint  NOT NULL DEFAULT 0,
    number    bigint  NOT NULL DEFAULT 0, -- of the newest event
    head      text    NOT NULL DEFAULT '0000000000000000', -- its id
    created   bigint  NOT NULL DEFAULT 0,
    at        bigint  NOT NULL DEFAULT 0, -- when the newest event was
    forgotten boolean NOT NULL DEFAULT false
);

CREATE INDEX archive_rooms_at ON archive_rooms (at);

-- The event is kept letter by letter: json, not jsonb.
CREATE TABLE archive_events (
    room       bigint  NOT NULL, -- archive_rooms.key
    number     bigint  NOT NULL,
    id         text    COLLATE "C" NOT NULL,
    epoch      bigint  NOT NULL,
    type       text    NOT NULL,
    superseded boolean NOT NULL, -- lies past a fork, is not in the history
    event      json    NOT NULL,
    PRIMARY KEY (room, number, id)
);

CREATE INDEX archive_chat ON archive_events (room, number) WHERE type = 'chat' AND NOT superseded;

CREATE TABLE archive_snapshots (
    room     bigint PRIMARY KEY, -- archive_rooms.key
    number   bigint NOT NULL,    -- of the last event in it
    id       text   NOT NULL,    -- that event's
    snapshot json   NOT NULL
);

CREATE VIEW rooms AS
SELECT id, epoch, number, forgotten,
       to_timestamp(created / 1e6) AS created_at, to_timestamp(at / 1e6) AS last_event_at
FROM archive_rooms;

-- jsonb knows no U+0000, which json may hold.
CREATE VIEW events AS
SELECT r.id AS room, e.number, e.id, e.epoch, e.type, e.superseded,
       to_timestamp((j.event ->> 'at')::bigint / 1e6) AS at,
       j.event ->> 'seat' AS seat, (j.event ->> 'command')::numeric AS command, j.event -> 'body' AS body
FROM archive_events e JOIN archive_rooms r ON r.key = e.room
     CROSS JOIN LATERAL (SELECT replace(e.event::text, '\u0000', '\ufffd')::jsonb AS event) j;

CREATE VIEW chat AS
SELECT r.id AS room, e.number, to_timestamp((j.event ->> 'at')::bigint / 1e6) AS at,
       j.event #>> '{body,member}' AS member, j.event #>> '{body,name}' AS name, j.event #>> '{body,text}' AS text
FROM archive_events e JOIN archive_rooms r ON r.key = e.room
     CROSS JOIN LATERAL (SELECT replace(e.event::text, '\u0000', '\ufffd')::jsonb AS event) j
WHERE e.type = 'chat' AND NOT e.superseded;

-- A row for every stay.
CREATE VIEW members AS
SELECT r.id AS room, j.event #>> '{body,member}' AS member, j.event #>> '{body,name}' AS name,
       to_timestamp((j.event ->> 'at')::bigint / 1e6) AS joined_at, l.at AS left_at
FROM archive_events e JOIN archive_rooms r ON r.key = e.room
     CROSS JOIN LATERAL (SELECT replace(e.event::text, '\u0000', '\ufffd')::jsonb AS event) j
     LEFT JOIN LATERAL (
         SELECT to_timestamp((k.event ->> 'at')::bigint / 1e6) AS at
         FROM archive_events x CROSS JOIN LATERAL (SELECT replace(x.event::text, '\u0000', '\ufffd')::jsonb AS event) k
         WHERE x.room = e.room AND x.number > e.number AND x.type = 'left' AND NOT x.superseded
           AND k.event #>> '{body,member}' = j.event #>> '{body,member}'
         ORDER BY x.number LIMIT 1) l ON true
WHERE e.type = 'joined' AND NOT e.superseded;

-- +goose Down
DROP VIEW members;
DROP VIEW chat;
DROP VIEW events;
DROP VIEW rooms;
DROP TABLE archive_snapshots;
DROP TABLE archive_events;
DROP TABLE archive_rooms;

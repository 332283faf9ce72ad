BEGIN TRANSACTION;
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
INSERT INTO "archive_events" VALUES(1,1,'0000000000000100',1,'created',0,'{"id":"0000000000000100","prev":"0000000000000000","type":"created","v":1,"epoch":1,"number":1,"at":1750000001000000,"body":{"room":"first","settings":{"guestControl":false,"title":"Night"},"media":{"kind":""}}}');
INSERT INTO "archive_events" VALUES(1,2,'0000000000000101',1,'joined',0,'{"id":"0000000000000101","prev":"0000000000000100","type":"joined","v":1,"epoch":1,"number":2,"at":1750000002000000,"body":{"member":"m_1","name":"Ann"}}');
INSERT INTO "archive_events" VALUES(1,3,'0000000000000102',1,'hosted',0,'{"id":"0000000000000102","prev":"0000000000000101","type":"hosted","v":1,"epoch":1,"number":3,"at":1750000003000000,"body":{"member":"m_1"}}');
INSERT INTO "archive_events" VALUES(1,4,'0000000000000103',1,'joined',0,'{"id":"0000000000000103","prev":"0000000000000102","type":"joined","v":1,"epoch":1,"number":4,"at":1750000004000000,"body":{"member":"m_2","name":"Bob"}}');
INSERT INTO "archive_events" VALUES(1,5,'0000000000000104',1,'chat',0,'{"id":"0000000000000104","prev":"0000000000000103","type":"chat","v":1,"epoch":1,"number":5,"at":1750000005000000,"body":{"member":"m_2","name":"Bob","text":"hello \u0000"}}');
INSERT INTO "archive_events" VALUES(1,6,'0000000000000105',1,'left',0,'{"id":"0000000000000105","prev":"0000000000000104","type":"left","v":1,"epoch":1,"number":6,"at":1750000006000000,"body":{"member":"m_2","reason":"left"}}');
INSERT INTO "archive_events" VALUES(1,7,'0000000000000200',1,'chat',1,'{"id":"0000000000000200","prev":"0000000000000105","type":"chat","v":1,"epoch":1,"number":7,"at":1750000007000000,"body":{"member":"m_1","name":"Ann","text":"lost"}}');
INSERT INTO "archive_events" VALUES(1,7,'0000000000000300',2,'chat',0,'{"id":"0000000000000300","prev":"0000000000000105","type":"chat","v":1,"epoch":2,"number":7,"at":1750000007000000,"body":{"member":"m_1","name":"Ann","text":"the other way"}}');
INSERT INTO "archive_events" VALUES(1,8,'0000000000000201',1,'noted',1,'{"id":"0000000000000201","prev":"0000000000000200","type":"noted","v":1,"epoch":1,"number":8,"at":1750000008000000,"body":{}}');
INSERT INTO "archive_events" VALUES(1,8,'0000000000000301',2,'noted',0,'{"id":"0000000000000301","prev":"0000000000000300","type":"noted","v":1,"epoch":2,"number":8,"at":1750000008000000,"body":{}}');
INSERT INTO "archive_events" VALUES(1,9,'0000000000000302',2,'noted',0,'{"id":"0000000000000302","prev":"0000000000000301","type":"noted","v":1,"epoch":2,"number":9,"at":1750000009000000,"body":{}}');
INSERT INTO "archive_events" VALUES(3,1,'0000000000000400',1,'created',0,'{"id":"0000000000000400","prev":"0000000000000000","type":"created","v":1,"epoch":1,"number":1,"at":1750000001000000,"body":{"room":"second","settings":{"guestControl":false},"media":{"kind":""}}}');
INSERT INTO "archive_events" VALUES(3,2,'0000000000000401',1,'noted',0,'{"id":"0000000000000401","prev":"0000000000000400","type":"noted","v":1,"epoch":1,"number":2,"at":1750000002000000,"body":{}}');
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
INSERT INTO "archive_rooms" VALUES(1,'first',2,9,'0000000000000302',1750000001000000,1750000009000000,0);
INSERT INTO "archive_rooms" VALUES(3,'second',1,2,'0000000000000401',1750000001000000,1750000002000000,0);
CREATE TABLE archive_snapshots (
    room     INTEGER PRIMARY KEY, -- archive_rooms.key
    number   INTEGER NOT NULL,    -- of the last event in it
    id       TEXT    NOT NULL,    -- that event's
    snapshot TEXT    NOT NULL     -- JSON
) STRICT;
INSERT INTO "archive_snapshots" VALUES(1,4,'0000000000000103','{"v":1,"id":"first","epoch":1,"number":4,"head":"0000000000000103","at":1750000004000000,"host":"m_1","settings":{"guestControl":false,"title":"Night"},"access":0,"media":{"kind":""},"mediaNumber":1,"timeline":{"position":0,"rate":1,"playing":false,"at":1750000001000000,"number":1},"members":[{"id":"m_1","name":"Ann","role":"host","joinedAt":1750000002000000,"generation":1},{"id":"m_2","name":"Bob","role":"guest","joinedAt":1750000004000000,"generation":1}]}');
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO "goose_db_version" VALUES(1,0,1,'2026-11-23 01:16:23');
INSERT INTO "goose_db_version" VALUES(2,1,1,'2026-11-23 01:16:23');
CREATE INDEX archive_rooms_at ON archive_rooms (at);
CREATE INDEX archive_chat ON archive_events (room, number) WHERE type = 'chat' AND superseded = 0;
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
CREATE VIEW members AS
SELECT r.id AS room, j.event ->> '$.body.member' AS member, j.event ->> '$.body.name' AS name,
       strftime('%Y-%m-%dT%H:%M:%fZ', (j.event ->> 'at') / 1e6, 'unixepoch') AS joined_at,
       (SELECT strftime('%Y-%m-%dT%H:%M:%fZ', (l.event ->> 'at') / 1e6, 'unixepoch') FROM archive_events l
        WHERE l.room = j.room AND l.number > j.number AND l.type = 'left' AND l.superseded = 0
          AND l.event ->> '$.body.member' = j.event ->> '$.body.member'
        ORDER BY l.number LIMIT 1) AS left_at
FROM archive_events j JOIN archive_rooms r ON r.key = j.room
WHERE j.type = 'joined' AND j.superseded = 0;
COMMIT;

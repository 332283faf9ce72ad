-- Up to which event an archive has a room: 0 and zeros when it has none.
ALTER TABLE rooms ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN archived_head TEXT NOT NULL DEFAULT '0000000000000000';

CREATE INDEX rooms_unarchived ON rooms (id) WHERE archived_head <> head;

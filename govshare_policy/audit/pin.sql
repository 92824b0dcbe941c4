-- SPDX-License-Identifier: Apache-2.0
-- The table of pins in PostgreSQL, created once by whoever owns the database. That must not be the
-- office whose log is pinned: an owner can drop the trigger that keeps a pin from going back.
BEGIN;

CREATE SCHEMA IF NOT EXISTS govshare;

CREATE TABLE IF NOT EXISTS govshare.pin (
    name text PRIMARY KEY,
    origin text NOT NULL,
    size bigint NOT NULL CHECK (size >= 0),
    root bytea NOT NULL CHECK (length(root) = 32),
    time bigint CHECK (time >= 0),
    moved timestamptz NOT NULL DEFAULT now()
);

CREATE OR REPLACE FUNCTION govshare.pin_moves_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.name <> OLD.name OR NEW.origin <> OLD.origin OR NEW.size < OLD.size
        OR (NEW.size = OLD.size AND NEW.root <> OLD.root) THEN
        RAISE EXCEPTION 'a pin never goes back';
    END IF;
    NEW.moved := now();
    RETURN NEW;
END $$;

DROP TRIGGER IF EXISTS pin_moves_on ON govshare.pin;
CREATE TRIGGER pin_moves_on BEFORE UPDATE ON govshare.pin
    FOR EACH ROW EXECUTE FUNCTION govshare.pin_moves_on();

COMMIT;

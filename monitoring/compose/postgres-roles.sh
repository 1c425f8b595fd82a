#!/bin/sh
# Run by the image of PostgreSQL, once, on an empty volume. Passwords are read from secrets and quoted by psql itself.
set -eu
psql -v ON_ERROR_STOP=1 --username postgres --no-psqlrc <<'SQL'
\set todo `cat /run/secrets/todo_database_password`
\set monitor `cat /run/secrets/postgres_monitor_password`
CREATE ROLE todo LOGIN PASSWORD :'todo';
CREATE DATABASE todo OWNER todo;
-- May see statistics and settings, no rows.
CREATE ROLE monitor LOGIN PASSWORD :'monitor' IN ROLE pg_monitor CONNECTION LIMIT 5;
\connect todo
CREATE EXTENSION pg_stat_statements;
SQL

#!/bin/sh
# Run once by the image of PostgreSQL: Trac's role, and a database that is Trac's. `roles.sql` adds LearnTrac's role later.
set -eu
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<SQL
CREATE ROLE trac LOGIN PASSWORD '$TRAC_DB_PASSWORD';
CREATE DATABASE trac OWNER trac ENCODING 'UTF8' TEMPLATE template0;
SQL

#!/bin/sh
# Runs roles.sql in the image of PostgreSQL, once, when its volume is new (compose.yaml).
set -eu
psql --username postgres -v owner_password="$OWNER_PASSWORD" \
    -v runtime_password="$RUNTIME_PASSWORD" -f /opt/roles.sql

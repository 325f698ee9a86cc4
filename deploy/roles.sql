-- Makes the two roles and the database, once, as an administrator of the PostgreSQL server:
--   psql ADMINISTRATOR_URL -v owner_password=… -v runtime_password=… -f deploy/roles.sql
-- The owner changes tables; the product runs as the other, which gets its rights from
-- `manage.py deploy`.
\set ON_ERROR_STOP on
CREATE ROLE scaletier_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE scaletier_runtime LOGIN PASSWORD :'runtime_password';
CREATE DATABASE scaletier OWNER scaletier_owner;

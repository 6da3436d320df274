-- Creates one database and one role for each service with state, so that no service can read the tables of another.
-- Runs once, when the volume is empty.
\getenv password USHER_DB_PASSWORD

CREATE ROLE usher_gateway LOGIN PASSWORD :'password'; -- only for gateway.scim, fetch and polls
CREATE ROLE usher_mapper LOGIN PASSWORD :'password';
CREATE ROLE usher_writer LOGIN PASSWORD :'password';
CREATE ROLE usher_console LOGIN PASSWORD :'password';

CREATE DATABASE usher_gateway OWNER usher_gateway;
CREATE DATABASE usher_mapper OWNER usher_mapper;
CREATE DATABASE usher_writer OWNER usher_writer;
CREATE DATABASE usher_console OWNER usher_console;

REVOKE CONNECT ON DATABASE usher_gateway, usher_mapper, usher_writer, usher_console FROM PUBLIC;

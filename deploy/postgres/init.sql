-- Creates one database and one role for each service with state, so that no service can read the tables of another.
-- Runs once, when the volume is empty.
\getenv gateway_password USHER_GATEWAY_DB_PASSWORD
\getenv mapper_password USHER_MAPPER_DB_PASSWORD
\getenv writer_password USHER_WRITER_DB_PASSWORD
\getenv console_password USHER_CONSOLE_DB_PASSWORD

CREATE ROLE usher_gateway LOGIN PASSWORD :'gateway_password'; -- only for gateway.scim, fetch and polls
CREATE ROLE usher_mapper LOGIN PASSWORD :'mapper_password';
CREATE ROLE usher_writer LOGIN PASSWORD :'writer_password';
CREATE ROLE usher_console LOGIN PASSWORD :'console_password';

CREATE DATABASE usher_gateway OWNER usher_gateway;
CREATE DATABASE usher_mapper OWNER usher_mapper;
CREATE DATABASE usher_writer OWNER usher_writer;
CREATE DATABASE usher_console OWNER usher_console;

REVOKE CONNECT ON DATABASE usher_gateway, usher_mapper, usher_writer, usher_console FROM PUBLIC;

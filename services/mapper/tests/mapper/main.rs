//! Tests of the mapper through its interfaces: events in on a real broker, commands out, on every supported database.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod apply;
mod background;
mod commands;
mod concurrency;
mod employment;
mod events;
mod evidence;
mod feed_departures;
mod feeds;
mod findings;
mod flattening;
mod groups;
mod holders;
mod leavers;
mod logins;
mod managers;
mod nesting;
mod newer;
mod operators;
mod orders_again;
mod other_accounts;
mod people;
mod plan;
mod planned;
mod policies;
mod quarantine;
mod reasons;
mod repeated;
mod replaced_feeds;
mod restored;
mod rights;
mod rights_matrix;
mod schedule;
mod seeded;
mod shuffle;
mod undecided;
mod unread_parts;
mod verify;
mod world;

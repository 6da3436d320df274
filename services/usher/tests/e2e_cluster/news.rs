//! Random statements of an HR system and a directory: people join, move, leave and return, and groups change.

use harness::world::now;
use harness::{CloudEventMessage, CompanyHistory, ExpectedDirectory, PopulationShape, SamplePopulation};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

const PEOPLE_MIN: usize = 80;
const GROUPS: usize = 8;
/// Percentage of the portions in which people join; after them, all people have joined.
const HIRING_PERCENT: usize = 80;
const MOVES: usize = 3;
const LEAVERS: usize = 2;

/// A company and its further events.
pub struct News {
    pub history: CompanyHistory,
    random: StdRng,
    /// People who join with the next portions.
    to_hire: Vec<String>,
    hired_at_once: usize,
    employed: Vec<String>,
    left: Vec<String>,
    moves: usize,
    groups: Vec<String>,
    groups_told: usize,
}

impl News {
    /// Creates news in this number of portions.
    pub fn new(seed: u64, portions: usize) -> Self {
        let people = PEOPLE_MIN.max(portions);
        let company =
            SamplePopulation::generate(PopulationShape { people, departments: 8, groups: GROUPS, seed });
        let history = CompanyHistory::new("/hr", company, now());
        let mut to_hire = history.keys();
        to_hire.reverse();
        let hired_at_once = people.div_ceil((portions * HIRING_PERCENT / 100).max(1));
        let (groups, random) = (history.group_keys(), StdRng::seed_from_u64(seed));
        let (employed, left) = (Vec::new(), Vec::new());
        Self { history, random, to_hire, hired_at_once, employed, left, moves: 0, groups, groups_told: 0 }
    }

    /// Returns the next portion; at least one account changes with it.
    pub fn next(&mut self) -> Vec<CloudEventMessage> {
        let mut events = Vec::new();
        for key in self.to_hire.split_off(self.to_hire.len().saturating_sub(self.hired_at_once)) {
            events.push(self.history.hire(&key));
            self.employed.push(key);
        }
        for _ in 0..MOVES {
            let key = self.employed.choose(&mut self.random).unwrap().clone();
            self.moves += 1;
            events.push(self.history.move_on(&key, self.moves));
        }
        for _ in 0..self.random.random_range(0..=LEAVERS) {
            let key = self.employed.swap_remove(self.random.random_range(0..self.employed.len()));
            events.push(self.history.leave(&key));
            self.left.push(key);
        }
        if !self.left.is_empty() && self.random.random_bool(0.5) {
            let key = self.left.swap_remove(self.random.random_range(0..self.left.len()));
            events.push(self.history.rehire(&key, self.moves));
            self.employed.push(key);
        }
        events.push(self.group());
        events
    }

    /// Returns a new group while there are any; after that, adds a person to a group or removes one.
    fn group(&mut self) -> CloudEventMessage {
        if self.groups_told < self.groups.len() {
            self.groups_told += 1;
            return self.history.group_upserted(&self.groups[self.groups_told - 1]);
        }
        let group = self.groups.choose(&mut self.random).unwrap().clone();
        let members: Vec<String> = self.history.members(&group).into_iter().collect();
        if members.len() > 2 && self.random.random_bool(0.5) {
            let member = members.choose(&mut self.random).unwrap().clone();
            return self.history.members_removed(&group, &[member]);
        }
        let member = self.employed.choose(&mut self.random).unwrap().clone();
        self.history.members_added(&group, &[member])
    }

    /// Returns the expected content of the target after everything has arrived.
    pub fn expected(&self) -> ExpectedDirectory {
        self.history.expected()
    }

    /// Returns the number of people who have left and not returned.
    pub fn leavers(&self) -> usize {
        self.left.len()
    }
}

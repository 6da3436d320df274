//! Implements the page step by step: the decision from the statements of all senders at one moment.

use std::collections::BTreeMap;

use lifecycle::{
    Contradiction, ContradictionCode as Code, Employment, EmploymentDecision, EmploymentWord as Word,
};

use crate::{
    mutation::Mutation,
    statements::{Cancelled, Said, Step, in_order},
    voice::{Beginning, Combined, End, Period, combine},
};

/// One voice: its statements, and the employments that result from them.
struct Voice {
    said: Vec<Said>,
    steps: Vec<Step>,
    mutation: Option<Mutation>,
    combined: Combined,
}

/// All voices of one person.
pub struct Reference {
    voices: Vec<Voice>,
    mutation: Option<Mutation>,
    /// The number of times that each rule was used.
    pub hits: BTreeMap<&'static str, u64>,
}

impl Reference {
    /// Combines the statements; `named` are the senders that `mapper.people.employment` names.
    pub fn new(
        said: &[Said],
        cancelled: &[Cancelled],
        named: Option<&[String]>,
        mutation: Option<Mutation>,
    ) -> Self {
        let mut hits = BTreeMap::new();
        let mut voices = Vec::new();
        for said in voices_of(said, named, mutation, &mut hits) {
            let steps = in_order(&said, cancelled, mutation);
            let combined = combine(&steps, mutation);
            for (rule, count) in &combined.hits {
                *hits.entry(*rule).or_default() += count;
            }
            voices.push(Voice { said, steps, mutation, combined });
        }
        Self { voices, mutation, hits }
    }

    fn hit(&mut self, rule: &'static str) {
        *self.hits.entry(rule).or_default() += 1;
    }

    /// Returns the decision at `now`.
    pub fn decide(&mut self, now: i64) -> EmploymentDecision {
        let mut decisions = Vec::new();
        for index in 0..self.voices.len() {
            let (decision, rule) = self.voices[index].decide(now);
            self.hit(rule);
            for contradiction in &decision.contradictions {
                self.hit(contradiction.code.as_str());
            }
            decisions.push(decision);
        }
        let mut together = self.together(&decisions);
        together.contradictions.sort();
        together.contradictions.dedup();
        together
    }

    /// Combines several voices: active if one is; otherwise deleted or left, the later one; otherwise unknown.
    fn together(&mut self, decisions: &[EmploymentDecision]) -> EmploymentDecision {
        if let [one] = decisions {
            return one.clone();
        }
        let mut contradictions: Vec<Contradiction> =
            decisions.iter().flat_map(|decision| decision.contradictions.clone()).collect();
        if decisions.iter().any(|one| one.employment == Employment::Active) {
            self.hit("voices, active");
            if decisions.iter().any(|one| one.employment.since().is_some()) {
                self.hit("senders_disagree");
                let code = Code::SendersDisagree;
                contradictions.push(Contradiction { code, sender: String::new(), said_at: 0 });
            }
            let active: Vec<_> =
                decisions.iter().filter(|one| one.employment == Employment::Active).collect();
            let planned_departure = latest_of_all(&active);
            return EmploymentDecision { contradictions, planned_departure, ..active[0].clone() };
        }
        let of_all = decisions.iter().filter(|one| one.employment.since().is_some());
        let latest = if self.mutation == Some(Mutation::EarlierDepartureOfVoices) {
            of_all.min_by_key(|one| one.employment.since())
        } else {
            of_all.max_by_key(|one| one.employment.since())
        };
        self.hit(if latest.is_some() { "voices, left or deleted" } else { "voices, unknown" });
        let planned_departure = latest_of_all(&decisions.iter().collect::<Vec<_>>());
        EmploymentDecision { contradictions, planned_departure, ..latest.cloned().unwrap_or_default() }
    }
}

/// Returns the last planned departure of several voices, if all of them plan one.
fn latest_of_all(decisions: &[&EmploymentDecision]) -> Option<i64> {
    let planned: Option<Vec<i64>> = decisions.iter().map(|one| one.planned_departure).collect();
    planned?.into_iter().max()
}

/// Returns the statements of each voice. Statements that were stored before senders were recorded count at the
/// beginning of each voice.
fn voices_of(
    said: &[Said],
    named: Option<&[String]>,
    mutation: Option<Mutation>,
    hits: &mut BTreeMap<&'static str, u64>,
) -> Vec<Vec<Said>> {
    let mut hit = |rule| *hits.entry(rule).or_default() += 1;
    let by = |sender: &str| said.iter().filter(|said| said.sender == sender).cloned().collect::<Vec<_>>();
    let mut before = by("");
    if mutation == Some(Mutation::LegacyStatementsDropped) {
        before.clear();
    }
    let Some(named) = named.filter(|_| mutation != Some(Mutation::OneVoiceAlways)) else {
        hit("voices, one");
        return vec![said.to_vec()];
    };
    if mutation == Some(Mutation::UnnamedSendersSpeak) {
        return vec![by("hr"), by("agency")];
    }
    let mut voices: Vec<Vec<Said>> =
        named.iter().map(|name| by(name)).filter(|said| !said.is_empty()).collect();
    if voices.is_empty() && !before.is_empty() {
        hit("voices, stored before alone");
        return vec![before];
    }
    for voice in &mut voices {
        hit(if before.is_empty() { "voices, named" } else { "voices, named and stored before" });
        voice.extend(before.iter().cloned());
    }
    voices
}

impl Voice {
    fn decide(&self, now: i64) -> (EmploymentDecision, &'static str) {
        let periods = &self.combined.periods;
        let current = periods.iter().rposition(|period| {
            let begun = match period.beginning {
                Beginning::Known(day) | Beginning::Undated(day) => day,
                Beginning::Unknown => period.end.day().unwrap_or(i64::MAX),
            };
            !period.is_cancelled && begun <= now
        });
        let mut contradictions = self.listed(current, now);
        let (employment, known_since, rule) = match current {
            None => self.without_a_current_one(now),
            Some(index) => {
                let (employment, rule) = self.of_the_current_one(index, now);
                match (employment, self.is_listed_elsewhere(&periods[index])) {
                    (Employment::Left { .. }, true)
                        if periods[index].kept_end().is_some_and(|kept| kept.day <= now) =>
                    {
                        let kept = periods[index].kept_end().unwrap();
                        (Employment::Left { since: kept.day }, Some(kept.known), "state, kept end has come")
                    }
                    (Employment::Left { .. }, true) => {
                        contradictions.push(Contradiction {
                            code: Code::ListedElsewhere,
                            sender: periods[index].end_by.clone(),
                            said_at: periods[index].end_known,
                        });
                        (Employment::Active, None, "state, listed elsewhere")
                    }
                    (Employment::Active, _) => (employment, None, rule),
                    _ => (employment, Some(known_since(&periods[index])), rule),
                }
            }
        };
        let planned_departure = planned_departure(periods, now);
        (EmploymentDecision { employment, known_since, planned_departure, contradictions }, rule)
    }

    fn of_the_current_one(&self, index: usize, now: i64) -> (Employment, &'static str) {
        let end = self.combined.ends(index);
        match self.combined.periods[index].erasure {
            Some(erased) if erased <= now => {
                (Employment::Deleted { since: end.min(erased) }, "state, deleted")
            }
            _ if end <= now => (Employment::Left { since: end }, "state, left"),
            _ => (Employment::Active, "state, active"),
        }
    }

    fn without_a_current_one(&self, now: i64) -> (Employment, Option<i64>, &'static str) {
        let ended = |period: &&Period| period.is_cancelled && period.end.day().is_some_and(|day| day <= now);
        if let Some(period) = self.combined.periods.iter().rfind(ended) {
            let since = period.end.day().unwrap();
            let known = Some(known_since(period));
            return match period.erasure {
                Some(erased) if erased <= now => {
                    (Employment::Deleted { since: since.min(erased) }, known, "state, deleted, cancelled")
                }
                _ => (Employment::Left { since }, known, "state, left, cancelled"),
            };
        }
        let is_come = |said: &Said| said.word == Word::Record && said.day.unwrap_or(said.said) <= now;
        let only_records = self.said.iter().all(|said| said.word == Word::Record);
        if only_records && self.said.iter().any(is_come) && self.mutation != Some(Mutation::RecordsSayNothing)
        {
            (Employment::Active, None, "state, records")
        } else {
            (Employment::Unknown, None, "state, unknown")
        }
    }

    /// Returns whether the last statement of another full list is that it still has a person that one full list
    /// dropped.
    fn is_listed_elsewhere(&self, period: &Period) -> bool {
        if self.mutation == Some(Mutation::AbsenceOutweighsAnotherList) {
            return false;
        }
        let Some(dropped) = &period.absent_from else { return false };
        let mut last: BTreeMap<&str, bool> = BTreeMap::new();
        for step in &self.steps {
            if let Step::Statement { said, word, .. } = step
                && let (Some(list), Word::Listed | Word::Stays | Word::Inactive | Word::Absent) =
                    (&said.list, word)
            {
                last.insert(list, matches!(word, Word::Listed | Word::Stays));
            }
        }
        let same_counts = self.mutation == Some(Mutation::TheSameListCountsElsewhere);
        last.iter().any(|(list, has_them)| *has_them && (same_counts || list != dropped))
    }

    /// Returns the listed contradictions: of the current employment and those after it, or of all if there is none.
    fn listed(&self, current: Option<usize>, now: i64) -> Vec<Contradiction> {
        let mut listed = Vec::new();
        for period in &self.combined.periods[current.unwrap_or(0)..] {
            for (code, sender, said_at) in &period.contradictions {
                if *code != Code::FirstDayMovedAhead || period.known().is_some_and(|day| now < day) {
                    listed.push(Contradiction { code: *code, sender: sender.clone(), said_at: *said_at });
                }
            }
        }
        listed
    }
}

/// Returns the time of the statement that first set the end, or the erasure of an employment without an end.
fn known_since(period: &Period) -> i64 {
    if period.end == End::Open { period.erasure_known } else { period.end_known }
}

/// Returns the earliest future stated end of an employment that is not cancelled and whose beginning is not unknown.
fn planned_departure(periods: &[Period], now: i64) -> Option<i64> {
    let ends = periods.iter().filter(|period| !period.is_cancelled && period.beginning != Beginning::Unknown);
    ends.filter_map(|period| if let End::Said(day) = period.end { Some(day) } else { None })
        .filter(|day| *day > now)
        .min()
}

//! The rules of arrivals.

use super::super::contradiction::ContradictionCode;
use super::super::periods::{EmploymentPeriod, PeriodBegin, ReplacedPeriod};
use super::super::statement::EmploymentStatement;
use super::{CombinedEmployment, make_contradiction};

/// The meaning of an arrival.
#[derive(Clone, Copy)]
pub(super) struct ArrivalMeaning {
    /// `true` if the arrival withdraws a planned departure.
    pub(super) withdraws: bool,
    pub(super) is_rehire: bool,
}

impl CombinedEmployment {
    /// Applies `joins` or `rejoins` with a day.
    pub(super) fn arrive(&mut self, said: &EmploymentStatement, arrival: ArrivalMeaning) {
        let (day, now) = (said.at(), said.version.said_at);
        let is_known = |period: &&mut EmploymentPeriod| {
            period.known_day() == Some(day) && !(arrival.is_rehire && period.is_cancelled)
        };
        if let Some(known) = self.periods.0.iter_mut().find(is_known) {
            known.is_rehire |= arrival.is_rehire;
            return;
        }
        let begin = PeriodBegin::Known { day, by: said.version, sender: said.sender.clone() };
        let Some(index) = self.periods.ends_after(day) else {
            return self.begin_after_all(begin, day, arrival);
        };
        let was_in_force = self.periods.in_force(now) == Some(index);
        let next = self.periods.next_after(index);
        let period = &mut self.periods.0[index];
        let has_begun = !period.is_cancelled && period.begins_at().is_some_and(|begin| begin <= now);
        if arrival.withdraws && has_begun {
            return self.come_back(index, said, begin, arrival);
        }
        let is_own = matches!(&period.begin, PeriodBegin::Known { sender, .. } if *sender == said.sender);
        if was_in_force && day > now && !is_own {
            let follows = EmploymentPeriod {
                end: period.end.take(),
                erased: period.erased.take(),
                ..EmploymentPeriod::new(begin)
            };
            return self.periods.insert(follows);
        }
        period.begin = begin;
        period.revive();
        period.is_rehire |= arrival.is_rehire;
        if !arrival.withdraws {
            period.see_again(next);
        } else if period.end.as_ref().is_some_and(|end| !end.is_said) {
            period.open();
        }
        if was_in_force && day > now {
            period.note(make_contradiction(ContradictionCode::FirstDayMovedAhead, said));
        }
    }

    /// Adds a new employment after all others.
    fn begin_after_all(&mut self, begin: PeriodBegin, at: i64, arrival: ArrivalMeaning) {
        let new = EmploymentPeriod { is_rehire: arrival.is_rehire, ..EmploymentPeriod::new(begin) };
        if arrival.withdraws {
            self.periods.insert(new);
        } else {
            self.periods.insert_seen_again(new, at);
        }
    }

    /// Applies a return on a day within an employment that has begun.
    fn come_back(
        &mut self,
        index: usize,
        said: &EmploymentStatement,
        begin: PeriodBegin,
        arrival: ArrivalMeaning,
    ) {
        let (day, now) = (said.at(), said.version.said_at);
        let period = &mut self.periods.0[index];
        if period.end.as_ref().is_some_and(|end| end.is_said && end.at <= now) {
            return period.note(make_contradiction(ContradictionCode::RehireBeforeDeparture, said));
        }
        let replaced =
            ReplacedPeriod { end: period.end.take_if(|end| end.is_said), erased: period.erased.take() };
        period.open();
        if period.begins_at().is_some_and(|first| first < day) {
            let replaced = Some(replaced);
            let new =
                EmploymentPeriod { is_rehire: arrival.is_rehire, replaced, ..EmploymentPeriod::new(begin) };
            self.periods.insert(new);
        } else {
            period.begin = begin;
            period.is_rehire |= arrival.is_rehire;
        }
    }

    /// Applies `joins` or `rejoins` without a day.
    pub(super) fn arrive_undated(&mut self, said: &EmploymentStatement, arrival: ArrivalMeaning) {
        let now = said.version.said_at;
        if let Some(index) = self.periods.in_force(now) {
            let period = &mut self.periods.0[index];
            if arrival.withdraws {
                if period.end.is_some() {
                    period.open();
                }
                period.returned_at = arrival.is_rehire.then_some(now).or(period.returned_at);
            }
            return;
        }
        let begin = PeriodBegin::Undated {
            latest: now,
            is_said: true,
            by: said.version,
            sender: said.sender.clone(),
        };
        let Some(index) = self.periods.ends_after(now) else {
            return self.begin_after_all(begin, now, arrival);
        };
        let period = &mut self.periods.0[index];
        if arrival.withdraws && (period.is_cancelled || period.is_of_unknown_begin()) {
            period.open();
        }
        period.begin = begin;
        period.revive();
        period.is_rehire |= arrival.is_rehire;
    }
}

//! `unhires`: a sender withdraws an arrival that it stated. The rules and their order are those of
//! docs/employment.md.

use super::combine::{CombinedEmployment, make_contradiction, period_end};
use super::contradiction::ContradictionCode;
use super::periods::{EmploymentPeriod, PeriodBegin, PeriodEnd, ReplacedPeriod};
use super::statement::EmploymentStatement;
use crate::StatementDating;

impl CombinedEmployment {
    /// Applies `unhires`.
    pub(super) fn unhire(&mut self, said: &EmploymentStatement) {
        let now = said.version.said_at;
        let day = (said.dated == StatementDating::Explicit).then(|| said.at());
        let own: Vec<usize> = (0..self.periods.0.len())
            .filter(|index| self.periods.0[*index].is_begun_by(&said.sender))
            .collect();
        if let Some(day) = day
            && let Some(index) =
                own.iter().copied().find(|index| self.periods.0[*index].known_day() == Some(day))
        {
            return self.unhire_known(index, day, said);
        }
        let is_it =
            |(sender, known): &&(String, i64)| *sender == said.sender && day.is_none_or(|day| day == *known);
        if self.taken_back.iter().any(|known| is_it(&known)) {
            return;
        }
        let ahead: Vec<i64> = own
            .iter()
            .filter_map(|index| self.periods.0[*index].known_day())
            .filter(|day| *day > now)
            .collect();
        if !ahead.is_empty() {
            return self.withdraw_all(&ahead, day.is_some(), said);
        }
        let current = self.periods.in_force(now).filter(|index| own.contains(index));
        let may_be = |index: &usize| match (day, &self.periods.0[*index].begin) {
            (None, _) => true,
            (Some(day), PeriodBegin::Undated { latest, .. }) => *latest >= day,
            (Some(_), PeriodBegin::Known { .. } | PeriodBegin::Unknown) => false,
        };
        if let Some(index) = current.filter(may_be) {
            return self.end_unhired(index, said);
        }
        let ended = own.iter().rev().find(|index| self.periods.end_of(**index) <= now);
        if let Some(index) = ended.filter(|_| day.is_none()) {
            return self.say_observed_end(*index);
        }
        self.list_unmatched(said);
    }

    /// Withdraws the arrival with a known first day.
    fn unhire_known(&mut self, index: usize, day: i64, said: &EmploymentStatement) {
        if day > said.version.said_at {
            self.withdraw(day, said);
        } else if self.periods.in_force(said.version.said_at) == Some(index) {
            self.end_unhired(index, said);
        } else {
            self.say_observed_end(index);
        }
    }

    /// Withdraws all of the sender's arrivals in the future. The withdrawal is listed if it names another day or if there are several.
    fn withdraw_all(&mut self, days: &[i64], names_another: bool, said: &EmploymentStatement) {
        for day in days {
            self.withdraw(*day, said);
        }
        if let Some(last) = self.periods.0.last_mut().filter(|_| names_another || days.len() > 1) {
            last.note(make_contradiction(ContradictionCode::NoShow, said));
        }
    }

    /// Removes the sender's employment that begins on `day`, or cancels it if no other one remains.
    fn withdraw(&mut self, day: i64, said: &EmploymentStatement) {
        self.taken_back.insert((said.sender.clone(), day));
        let is_it =
            |period: &EmploymentPeriod| period.is_begun_by(&said.sender) && period.known_day() == Some(day);
        let Some(index) = self.periods.0.iter().position(is_it) else { return };
        let is_other = |(other, period): (usize, &EmploymentPeriod)| other != index && !period.is_cancelled;
        if !self.periods.0.iter().enumerate().any(is_other) {
            self.periods.0[index] = EmploymentPeriod {
                is_cancelled: true,
                ..EmploymentPeriod::ending(period_end(said, said.version.said_at))
            };
        } else {
            let removed = self.periods.0.remove(index);
            if let Some(before) = self.periods.0[..index].iter_mut().rfind(|period| !period.is_cancelled)
                && before.end.is_none()
            {
                before.take_back_end(removed);
            }
        }
        self.periods.sort();
    }

    /// Ends the employment now, because the person had already begun.
    fn end_unhired(&mut self, index: usize, said: &EmploymentStatement) {
        let now = said.version.said_at;
        let period = &mut self.periods.0[index];
        self.taken_back.insert((said.sender.clone(), period.known_day().unwrap_or(now)));
        period.settle();
        period.end = Some(period_end(said, now));
        period.note(make_contradiction(ContradictionCode::NoShow, said));
    }

    /// Turns an observed end into a stated one.
    fn say_observed_end(&mut self, index: usize) {
        if let Some(known) = &mut self.periods.0[index].end {
            (known.is_said, known.absent_from) = (true, None);
        }
    }

    /// Notes that no arrival of the sender matches the withdrawal.
    fn list_unmatched(&mut self, said: &EmploymentStatement) {
        if self.periods.0.is_empty() {
            return self.periods.insert(EmploymentPeriod::ending(period_end(said, said.version.said_at)));
        }
        if let Some(last) = self.periods.0.iter_mut().rfind(|period| !period.is_cancelled) {
            last.note(make_contradiction(ContradictionCode::WithdrawalUnmatched, said));
        }
    }
}

impl EmploymentPeriod {
    /// Returns whether the employment was begun by an arrival or record of `sender`, or by one that was stored before
    /// senders were recorded.
    fn is_begun_by(&self, sender: &str) -> bool {
        let begun_by = match &self.begin {
            PeriodBegin::Unknown => return false,
            PeriodBegin::Undated { sender, .. } | PeriodBegin::Known { sender, .. } => sender,
        };
        !self.is_cancelled && (begun_by == sender || begun_by.is_empty())
    }

    /// Restores the end that was planned before `removed` began, or uses the stated end of `removed`: the earlier
    /// of the two.
    fn take_back_end(&mut self, removed: Self) {
        let ReplacedPeriod { end, erased } = removed.replaced.unwrap_or_default();
        let own = removed.end.filter(|end| end.is_said);
        self.end = [end, own].into_iter().flatten().min_by_key(|end: &PeriodEnd| end.at);
        self.erased = erased.or(removed.erased);
    }
}

//! The recorded answers of one call, given out as its requests come.

use super::super::transcript::{Answered, Call};
use super::{Divergence, Heard, Order, Said};
use crate::gate::Asked;

/// What a call is ended with that asks otherwise than recorded.
const DIVERGES: &str = "it does not ask what was recorded";

/// What a call is ended with where the recorded one was.
const ENDED_THEN: &str = "the recorded call was ended here";

/// The imports that a loose replay does not compare: what they answer changes nothing but a time.
const BESIDE: [&str; 2] = ["log.write", "clock.now"];

/// See above.
#[derive(Debug)]
pub(super) struct Answers {
    call: u64,
    method: String,
    order: Order,
    /// What was recorded, and whether it was asked again.
    recorded: Vec<(super::transcript::Request, bool)>,
    requests: Vec<Heard>,
    divergence: Option<Divergence>,
}

impl Answers {
    pub(super) fn new(call: &Call, order: Order) -> Self {
        let recorded = call.requests.iter().map(|request| (request.clone(), false)).collect();
        let (call, method) = (call.number, call.method.clone());
        Self { call, method, order, recorded, requests: Vec::new(), divergence: None }
    }

    /// The answer to a request; or why the call is to be ended.
    pub(super) fn answer(&mut self, asked: &Asked) -> Result<Answered, &'static str> {
        let (import, request) = (asked.import.to_owned(), asked.request.clone());
        let at = match self.order {
            Order::Strict => self
                .recorded
                .iter()
                .position(|(_, used)| !used)
                .filter(|at| self.recorded.get(*at).is_some_and(|(one, _)| same(one, asked))),
            Order::Loose => self
                .recorded
                .iter()
                .position(|(one, used)| !used && same(one, asked))
                .or_else(|| self.beside(asked)),
        };
        let Some((recorded, used)) = at.and_then(|at| self.recorded.get_mut(at)) else {
            if self.order == Order::Loose && BESIDE.contains(&asked.import) {
                return Ok(self.made_up(asked));
            }
            let next = self.recorded.iter().find(|(_, used)| !used).map(|(one, _)| one);
            self.divergence = Some(Divergence {
                call: self.call,
                method: self.method.clone(),
                request: self.requests.len() + 1,
                recorded: next.map(|one| Said::Request(one.import.clone(), one.asked.clone())),
                replayed: Some(Said::Request(import.clone(), request.clone())),
            });
            self.requests.push(Heard { import, asked: request, answered: None });
            return Err(DIVERGES);
        };
        *used = true;
        let answered = recorded.answered.clone();
        self.requests.push(Heard { import, asked: request, answered: answered.clone() });
        answered.ok_or(ENDED_THEN)
    }

    /// An unused answer of the same import, for what is not compared.
    fn beside(&self, asked: &Asked) -> Option<usize> {
        let is_beside = BESIDE.contains(&asked.import);
        self.recorded
            .iter()
            .position(|(one, used)| is_beside && !used && one.import == asked.import)
    }

    /// What is answered where more was asked that is not compared: the last answer once more.
    fn made_up(&mut self, asked: &Asked) -> Answered {
        let last = self.recorded.iter().rev().find(|(one, _)| one.import == asked.import);
        let last = last.and_then(|(one, _)| one.answered.clone());
        let answered = last.unwrap_or_else(|| match asked.import {
            "clock.now" => Answered::Ok(serde_json::json!({ "seconds": 0, "nanoseconds": 0 })),
            _ => Answered::Ok(serde_json::Value::Null),
        });
        let (import, asked) = (asked.import.to_owned(), asked.request.clone());
        self.requests.push(Heard { import, asked, answered: Some(answered.clone()) });
        answered
    }

    pub(super) fn take_divergence(&mut self) -> Option<Divergence> {
        self.divergence.take()
    }

    pub(super) fn take_requests(&mut self) -> Vec<Heard> {
        std::mem::take(&mut self.requests)
    }

    /// How many requests there were.
    pub(super) fn asked(&self) -> usize {
        self.requests.len()
    }

    /// What was recorded and not asked.
    pub(super) fn unasked(&self, call: &Call) -> Option<Divergence> {
        let (missing, _) = self.recorded.iter().find(|(one, used)| {
            let is_compared = self.order == Order::Strict || !BESIDE.contains(&one.import.as_str());
            is_compared && !used
        })?;
        Some(Divergence {
            call: call.number,
            method: call.method.clone(),
            request: self.requests.len() + 1,
            recorded: Some(Said::Request(missing.import.clone(), missing.asked.clone())),
            replayed: None,
        })
    }
}

fn same(recorded: &super::transcript::Request, asked: &Asked) -> bool {
    recorded.import == asked.import && recorded.asked == asked.request
}

//! Which steps of a template took the words of an argv, and as what. For learning from what was
//! asked; what runs is `fill`'s to say.

use crate::template::{Misfit, Template};

/// What one step of a template took: the canonical text of each hole in it.
pub(crate) struct Taken {
    /// The step, from 0.
    pub(crate) step: usize,
    /// One text for each hole of the step's matcher, in order.
    pub(crate) values: Vec<String>,
}

impl Template {
    /// The steps that take these words, in order.
    pub(crate) fn trace(&self, args: &[String]) -> Result<Vec<Taken>, Misfit> {
        // One of the two walks decides; this one only repeats it.
        self.fill(args)?;
        let mut words = args.iter().peekable();
        let (mut next, mut trace) = (0, Vec::new());
        while let Some(step) = self.steps.get(next) {
            match words.peek().and_then(|word| step.matcher.read(word)) {
                Some(reading) => {
                    let values = reading.values.into_iter().map(|(_, value)| value).collect();
                    trace.push(Taken { step: next, values });
                    words.next();
                    next += 1;
                }
                // `fill` has been here: a step that does not fit may be left out.
                None => next += step.skip.max(1),
            }
        }
        Ok(trace)
    }
}

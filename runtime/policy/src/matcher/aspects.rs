//! What a matcher says, taken apart for people: each kind tells its own aspects, here they are
//! gathered. Asked by whoever compares two templates.

use crate::aspect::{Aspects, aspects, list};
use crate::matcher::Matcher;

impl Matcher {
    /// What it says, taken apart for people. Two matchers with the same aspects accept the same
    /// words and run the same.
    pub(crate) fn aspects(&self) -> Aspects {
        match self {
            Matcher::Literal(text) => aspects([("text", format!("{text:?}"))]),
            Matcher::OneOf(choices) => aspects([("one-of", list(choices.texts()))]),
            Matcher::Name(name) => name.aspects(),
            Matcher::Int(int) => int.aspects(),
            Matcher::Size(size) => size.aspects(),
            Matcher::Percent(percent) => percent.aspects(),
            Matcher::Mode(mode) => mode.aspects(),
            Matcher::Uuid(_) => aspects([("uuid", "any".to_owned())]),
            Matcher::Ip(ip) => ip.aspects(),
            Matcher::Cidr(cidr) => cidr.aspects(),
            Matcher::Path(path) => path.aspects(),
            Matcher::Dataset(dataset) => dataset.aspects(),
            Matcher::Device(device) => device.aspects(),
            Matcher::Csv(csv) => csv.aspects(),
            Matcher::Concat(concat) => concat.aspects(),
            Matcher::Secret(secret) => secret.aspects(),
        }
    }

    /// This matcher, or the parts that it is put together from.
    pub(crate) fn parts(&self) -> &[Matcher] {
        match self {
            Matcher::Concat(concat) => concat.parts(),
            alone => std::slice::from_ref(alone),
        }
    }
}

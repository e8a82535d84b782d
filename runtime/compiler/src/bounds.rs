//! How much one compilation may use, as the command line of `abaca-compiler` says it. Written by
//! the runtime and read by the program; pure.

/// What each word of the command line is called, in this order.
const WORDS: [&str; 3] = ["--parent", "--cpu-seconds", "--memory-bytes"];

/// The bounds of one compilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The process that started the compiler, with which it ends.
    pub parent: u32,
    /// Seconds of the processor's time.
    pub cpu_seconds: u64,
    /// Bytes of address space, the program's own included.
    pub memory_bytes: u64,
}

impl Bounds {
    /// The command line, without the program's name.
    #[must_use]
    pub fn arguments(&self) -> [String; 6] {
        let [parent, cpu, memory] = WORDS.map(str::to_owned);
        [
            parent,
            self.parent.to_string(),
            cpu,
            self.cpu_seconds.to_string(),
            memory,
            self.memory_bytes.to_string(),
        ]
    }

    /// Reads the command line, without the program's name.
    ///
    /// # Errors
    /// What is missing, too much, or no number.
    pub fn read(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut arguments = arguments.into_iter();
        let mut number = |word: &str| {
            let found = arguments.next();
            if found.as_deref() != Some(word) {
                return Err(format!("{word} N is expected here, not {found:?}; see --help"));
            }
            let value = arguments.next().unwrap_or_default();
            value.parse::<u64>().map_err(|_| format!("{word} takes a number, not {value:?}"))
        };
        let [parent, cpu, memory] = WORDS;
        let parent = number(parent)?;
        let parent = u32::try_from(parent).map_err(|_| format!("no process is {parent}"))?;
        let bounds = Self { parent, cpu_seconds: number(cpu)?, memory_bytes: number(memory)? };
        match arguments.next() {
            None => Ok(bounds),
            Some(more) => Err(format!("{more:?} is too much; see --help")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bounds;

    #[test]
    fn what_is_written_is_read() {
        let bounds = Bounds { parent: 7, cpu_seconds: 60, memory_bytes: 1 << 31 };
        assert_eq!(Bounds::read(bounds.arguments()), Ok(bounds));
        let written = bounds.arguments().to_vec();
        for cut in 0..written.len() {
            assert!(Bounds::read(written[..cut].to_vec()).is_err(), "{cut}");
        }
        assert!(Bounds::read([written.clone(), vec!["more".to_owned()]].concat()).is_err());
        let swapped = [&written[2..4], &written[..2], &written[4..]].concat();
        assert!(Bounds::read(swapped).is_err());
    }
}

//! Attacks through `command`: other lines, other input, other times. Any ending of a program is
//! an answer.

use core::time::Duration;

use abaca_sdk::Result;
use abaca_sdk::command::{self, Command, ExitStatus, Output};

use super::{argument, number};

/// What stands between the stages of a pipeline; no argument of one is this.
const PIPE: &str = "|";

/// The first argument with the others.
pub fn run(arguments: &[&str]) -> Result<Vec<String>> {
    Ok(ended(line(arguments)?))
}

/// The same; where the host or the program does not do it, the whole attack fails.
pub fn insist(arguments: &[&str]) -> Result<Vec<String>> {
    let (program, rest) = split(arguments)?;
    Command::new(program).args(rest).output().map(|output| told(&output))
}

/// The same, tried again when it fails.
pub fn retry(arguments: &[&str]) -> Result<Vec<String>> {
    line(arguments)?.retry().output().map(|output| told(&output))
}

/// The first argument is what the program reads.
pub fn feed(arguments: &[&str]) -> Result<Vec<String>> {
    let (stdin, rest) = split(arguments)?;
    Ok(ended(line(rest)?.stdin(stdin)))
}

/// The first argument is how many bytes the program is given to read.
pub fn feed_much(arguments: &[&str]) -> Result<Vec<String>> {
    let (bytes, rest) = split(arguments)?;
    let bytes = usize::try_from(number(bytes)?).unwrap_or(usize::MAX);
    Ok(ended(line(rest)?.stdin(vec![b'x'; bytes])))
}

/// The first argument is how many milliseconds the driver itself allows.
pub fn timed(arguments: &[&str]) -> Result<Vec<String>> {
    let (milliseconds, rest) = split(arguments)?;
    let timeout = Duration::from_millis(number(milliseconds)?);
    Ok(ended(line(rest)?.timeout(timeout)))
}

/// Stages with [`PIPE`] between them; no argument at all is a pipeline of none.
pub fn pipeline(arguments: &[&str]) -> Result<Vec<String>> {
    let stages: Vec<&[&str]> = match arguments {
        [] => Vec::new(),
        some => some.split(|word| *word == PIPE).collect(),
    };
    let stages = stages.into_iter().map(line).collect::<Result<Vec<_>>>()?;
    Ok(match command::pipeline(stages) {
        Ok(output) => told(&output),
        Err(error) => vec![format!("err:{error:?}")],
    })
}

fn line(arguments: &[&str]) -> Result<Command> {
    let (program, rest) = split(arguments)?;
    Ok(Command::new(program).args(rest).allow_any())
}

fn split<'a, 'b>(arguments: &'b [&'a str]) -> Result<(&'a str, &'b [&'a str])> {
    Ok((argument(arguments, 0)?, arguments.get(1..).unwrap_or_default()))
}

fn ended(command: Command) -> Vec<String> {
    match command.output() {
        Ok(output) => told(&output),
        Err(error) => vec![format!("err:{error:?}")],
    }
}

/// How it ended and the beginning of what it wrote: a location has room for that much only.
fn told(output: &Output) -> Vec<String> {
    /// Bytes of each stream that are told.
    const SHOWN: usize = 600;
    let ending = match output.status {
        ExitStatus::Exited(code) => code.to_string(),
        ExitStatus::Signalled(signal) => format!("signal-{signal}"),
    };
    let shown = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes.get(..SHOWN).unwrap_or(bytes));
        text.escape_debug().to_string()
    };
    let mut texts = vec![
        format!("ok:{ending}:{}", shown(&output.stdout)),
        format!("stderr:{}", shown(&output.stderr)),
    ];
    for (stream, bytes, cut) in [
        ("stdout", &output.stdout, output.stdout_truncated),
        ("stderr", &output.stderr, output.stderr_truncated),
    ] {
        if cut {
            texts.push(format!("{stream} cut at {} bytes", bytes.len()));
        }
    }
    texts
}

//! What can be known only when all rules are: that no request suits two of
//! them, and that the examples hold.

use crate::error::Flaw;
use crate::load::{command, files, mount};
use crate::policy::Policy;

/// How many pairs of template places are compared before the loader gives up.
/// Rules that a person wrote need thousands; this is less than a second.
const OVERLAP_BUDGET: usize = 10_000_000;

/// No argv may fit two command rules.
pub(crate) fn commands_apart(rules: &[command::Loaded]) -> Result<(), Flaw> {
    let mut budget = OVERLAP_BUDGET;
    for (at, later) in rules.iter().enumerate() {
        for earlier in rules.iter().take(at) {
            if earlier.rule.program_name() != later.rule.program_name() {
                continue;
            }
            let (one, two) = (&earlier.rule.id, &later.rule.id);
            match earlier.rule.args.overlaps(&later.rule.args, &mut budget) {
                Some(false) => {}
                Some(true) => {
                    return Err(Flaw::new(
                        later.args_place.clone(),
                        format!("`{one}` and `{two}` may both accept the same command line"),
                    )
                    .help("let a literal differ, or make one rule of the two"));
                }
                None => {
                    return Err(Flaw::new(
                        later.args_place.clone(),
                        format!("too many optional flags to tell `{one}` and `{two}` apart"),
                    )
                    .help("write fewer optional flags in the rules of this program"));
                }
            }
        }
    }
    Ok(())
}

/// No verb on a path may suit two files rules.
pub(crate) fn files_apart(rules: &[files::Loaded]) -> Result<(), Flaw> {
    for (at, later) in rules.iter().enumerate() {
        let double = rules.iter().take(at).find(|earlier| earlier.rule.overlaps(&later.rule));
        if let Some(earlier) = double {
            return Err(Flaw::new(
                later.id_place.clone(),
                format!(
                    "`{}` and `{}` may both grant the same verb on the same path",
                    earlier.rule.id, later.rule.id
                ),
            )
            .help("keep the verb in one of them, or let their `name` types differ"));
        }
    }
    Ok(())
}

/// No place may belong to two mount rules, nor lie beneath what another one mounts.
pub(crate) fn mounts_apart(rules: &[mount::Loaded]) -> Result<(), Flaw> {
    for (at, later) in rules.iter().enumerate() {
        let double = rules.iter().take(at).find(|earlier| earlier.rule.overlaps(&later.rule));
        if let Some(earlier) = double {
            return Err(Flaw::new(
                later.id_place.clone(),
                format!(
                    "`{}` and `{}` may both mount at the same place, or one within the other",
                    earlier.rule.id, later.rule.id
                ),
            )
            .help("let their roots, `under` or `name` types differ, or make one rule of the two"));
        }
    }
    Ok(())
}

/// Each rule accepts its `accepts`, and nobody accepts its `refuses`.
/// `examples` are in the order of the rules.
pub(crate) fn examples(policy: &Policy, examples: &[command::Examples]) -> Result<(), Flaw> {
    for (rule, examples) in policy.commands().iter().zip(examples) {
        for example in &examples.accepts {
            match policy.decide_command(&example.program, &example.args) {
                Ok(grant) if grant.rule.id == rule.id => {}
                Ok(grant) => {
                    return Err(Flaw::new(
                        example.place.clone(),
                        format!(
                            "this example is accepted by `{}`, not `{}`",
                            grant.rule.id, rule.id
                        ),
                    )
                    .help("move it to that rule"));
                }
                Err(denial) => {
                    return Err(Flaw::new(
                        example.place.clone(),
                        format!("`{}` does not accept this example: {}", rule.id, denial.reason),
                    )
                    .help(format!("the rule is: {rule}")));
                }
            }
        }
        for example in &examples.refuses {
            if let Ok(grant) = policy.decide_command(&example.program, &example.args) {
                return Err(Flaw::new(
                    example.place.clone(),
                    format!("this example must be refused, and `{}` accepts it", grant.rule.id),
                )
                .help(format!("the rule is: {}", grant.rule)));
            }
        }
    }
    Ok(())
}

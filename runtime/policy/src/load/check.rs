//! What can be known only when all rules are: that no request suits two of
//! them, and that the examples hold.

use crate::error::Flaw;
use crate::load::fields::Place;
use crate::load::{command, files, mount};
use crate::policy::Policy;
use crate::template::OVERLAP_BUDGET;

/// What to do where something else reaches files whose content is said.
const OWN_ROOT: &str = "keep such files in a root of their own, which only the broker writes";

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
                    .help(
                        "write fewer optional flags, and fewer texts for one argument, in the \
                         rules of this program",
                    ));
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

/// What a rule with `content` says of its files is true of them whatever else the policy grants:
/// nothing else writes to them, gives their names to other files, or puts something over them.
pub(crate) fn contents_enforced(
    commands: &[command::Loaded],
    files: &[files::Loaded],
    mounts: &[mount::Loaded],
) -> Result<(), Flaw> {
    for governing in files.iter().filter(|loaded| loaded.rule.content.is_some()) {
        let (id, root) = (&governing.rule.id, &governing.rule.root);
        let passed_by = |place: &Place, other: &str, does: &str| {
            let what = format!("`{other}` {does}, past what `{id}` says of the content of files");
            Err(Flaw::new(place.clone(), what))
        };
        if let Some(command) = commands.iter().find(|one| one.rule.write.contains(root)) {
            return passed_by(
                &command.id_place,
                &command.rule.id,
                &format!("may write whatever it likes in the root `{root}`"),
            )
            .map_err(|flaw| flaw.help(OWN_ROOT));
        }
        if let Some(mount) = mounts.iter().find(|one| one.rule.touches(root)) {
            return passed_by(
                &mount.id_place,
                &mount.rule.id,
                &format!("may show the root `{root}` elsewhere, or something else in it"),
            )
            .map_err(|flaw| flaw.help(OWN_ROOT));
        }
        for other in files.iter().filter(|other| other.rule.id != *id) {
            let verb = other.rule.verbs.iter().find(|verb| verb.passes_by_content());
            if let Some(verb) = verb.filter(|_| other.rule.leads_to(&governing.rule)) {
                let (whose, apart) = match &other.rule.name {
                    Some(_) => (
                        "the same names".to_owned(),
                        "let the `name` types differ in the first character; the mode is said \
                         with `write`",
                    ),
                    None => (format!("the root `{root}` itself, where they are"), OWN_ROOT),
                };
                return passed_by(
                    &other.id_place,
                    &other.rule.id,
                    &format!("grants `{verb}` on {whose}"),
                )
                .map_err(|flaw| flaw.help(format!("leave the verb out, or {apart}")));
            }
        }
    }
    Ok(())
}

/// Each content accepts its `accepts` and refuses its `refuses`. `examples` are in the order of
/// the rules.
pub(crate) fn example_contents(policy: &Policy, examples: &[files::Examples]) -> Result<(), Flaw> {
    for (rule, examples) in policy.files().iter().zip(examples) {
        let Some(content) = &rule.content else { continue };
        let what = || format!("the lines are: {content}");
        for example in &examples.accepts {
            if let Err(misread) = content.read(&example.lines) {
                let message = format!("`{}` does not accept this example: {misread}", rule.id);
                return Err(Flaw::new(example.place.clone(), message).help(what()));
            }
        }
        for example in &examples.refuses {
            if content.read(&example.lines).is_ok() {
                let message = format!("this example must be refused, and `{}` accepts it", rule.id);
                return Err(Flaw::new(example.place.clone(), message).help(what()));
            }
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
